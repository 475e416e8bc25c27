import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';

import fc from 'fast-check';

import { makeRuleset, makeTable } from '../../src/iptables-parser/make.js';
import { parse } from '../../src/iptables-parser/parse.js';
import { commands, findTable, rulesOf, tables } from '../../src/iptables-parser/query.js';
import { render } from '../../src/iptables-parser/render.js';
import { deletion, makeRule, type Rule } from '../../src/iptables-parser/rule.js';
import type { Ruleset, Table } from '../../src/iptables-parser/document.js';
import { quoteWord } from '../../src/iptables-parser/words.js';
import { Holdings } from '../helpers/namespaces.js';
import { readSave, SAVES, saveNames } from './fixtures.js';

const BACKENDS = ['nft', 'legacy'] as const;
const FAMILIES = [4, 6] as const;

/** Runs a program to its end; fails the test with its words unless it exits with 0. */
function run(argv: readonly string[], input = ''): string {
  const [file = '', ...args] = argv;
  const done = spawnSync(file, args, { encoding: 'utf8', input, timeout: 60_000 });
  assert.equal(done.status, 0, `${argv.join(' ')}: ${done.stderr}${done.error?.message ?? ''}\n${input}`);
  return done.stdout;
}

/** iptables-save and -restore of one back end and family, in a namespace of its own. */
class Firewall {
  readonly #tool: string;
  readonly #in: readonly string[];

  constructor(holdings: Holdings, name: string, backend: string, family: 4 | 6) {
    const namespace = holdings.addNamespace(name);
    this.#in = ['/usr/sbin/ip', 'netns', 'exec', namespace];
    this.#tool = `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${backend}`;
    const sets = `create kc-in hash:ip family inet${family === 4 ? '' : '6'} timeout 60
create kc-ports bitmap:port range 0-65535
`;
    run([...this.#in, '/usr/sbin/ipset', 'restore'], sets);
  }

  restore(text: string, ...options: string[]): void {
    run([...this.#in, `${this.#tool}-restore`, ...options], text);
  }

  save(...options: string[]): string {
    return run([...this.#in, `${this.#tool}-save`, ...options]);
  }
}

/** Fails with the first line that differs, the order of the tables and comment lines (they hold the time) apart. */
function assertSameRules(saved: string, expected: string): void {
  const left = linesByTable(saved);
  const right = linesByTable(expected);
  const at = right.findIndex((line, index) => line !== left[index]);
  if (at !== -1) assert.equal(left[at], right[at]);
  assert.equal(left.length, right.length);
}

function linesByTable(text: string): string[] {
  return tables(parse(text))
    .map(({ name, lines }) => [
      name,
      ...lines.filter(({ kind }) => kind !== 'remark').map((line) => line.text),
    ])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
    .flat();
}

/** iptables-save prints names with a blank without quotes; iptables-restore cannot read them back. */
function isRestorable(rule: Rule): boolean {
  const options = rule.matches.flatMap((match) => match.options);
  const name = options.find((option) => option.name === '--name');
  return rule.inInterface?.value !== 'a b' && name?.values.length !== 2;
}

function restorable(ruleset: Ruleset): Ruleset {
  return makeRuleset(
    ruleset.entries.map((entry) =>
      entry.kind === 'table'
        ? makeTable(
            entry.name,
            entry.lines.filter((line) => line.kind !== 'rule' || isRestorable(line)),
          )
        : entry,
    ),
  );
}

function filterOf(text: string): Table {
  const table = findTable(parse(text), 'filter');
  assert.ok(table, `no table filter in ${text}`);
  return table;
}

const holdings = new Holdings();
const fresh = `${holdings.dir}/saves`;
before(() => {
  mkdirSync(fresh);
  run(['/bin/sh', `${SAVES}make.sh`, fresh]);
});
after(() => {
  holdings.release();
});

it('make.sh makes the saves that lie here, and each comes back as it was', () => {
  assert.deepEqual(saveNames(fresh), saveNames());
  for (const name of saveNames(fresh)) {
    const text = readSave(name, fresh);
    assert.equal(render(parse(text)), text, name);
  }
});

for (const backend of BACKENDS) {
  for (const family of FAMILIES) {
    describe(`${backend}, IPv${family}`, () => {
      const name = `${backend}-${family}`;
      let firewall: Firewall;
      before(() => {
        firewall = new Firewall(holdings, name, backend, family);
      });

      it('restores what was rendered from a save to the same save', () => {
        const text = render(restorable(parse(readSave(`${name}.save`, fresh))));
        firewall.restore(text);
        const saved = firewall.save();
        assertSameRules(saved, text);
        assert.equal(render(parse(saved)), saved);
      });

      // ip6tables-nft-restore 1.8.9 sets the counters of rules to zero, whatever the text says.
      if (name !== 'nft-6') {
        it('takes the counters back', () => {
          const text = render(restorable(parse(readSave(`${name}-counters.save`, fresh))));
          firewall.restore(text, '--counters');
          assertSameRules(firewall.save('-c'), text);
        });
      }

      it('deletes each rule by its deletion', () => {
        const saved = parse(firewall.save());
        const rules = tables(saved).flatMap(commands);
        assert.ok(rules.length > 50, `only ${rules.length} rules`);
        const deletions = tables(saved).map((table) =>
          makeTable(table.name, commands(table).map(deletion).reverse()),
        );
        firewall.restore(render(makeRuleset(deletions)), '--noflush');
        assert.deepEqual(tables(parse(firewall.save())).flatMap(commands), []);
      });

      it('saves any comment and prefix as quoteWord writes it', () => {
        const text = fc
          .string({ unit: 'binary', maxLength: 60 })
          .filter((each) => !/[\n\0\ud800-\udfff]/.test(each));
        const comments = fc.sample(text, 300);
        // A prefix has 29 bytes at most and cannot be empty.
        const prefixes = comments.filter((each) => each !== '' && Buffer.byteLength(each) < 30);
        const rules = [
          ...comments.map((each) =>
            makeRule({ chain: 'INPUT', words: ['-m', 'comment', '--comment', each] }),
          ),
          ...prefixes.map((each) =>
            makeRule({ chain: 'OUTPUT', words: ['-j', 'LOG', '--log-prefix', each] }),
          ),
        ];
        firewall.restore(render(makeRuleset([makeTable('filter', rules)])));
        const filter = filterOf(firewall.save('-t', 'filter'));
        const commented = rulesOf(filter, 'INPUT');
        const logging = rulesOf(filter, 'OUTPUT');
        comments.forEach((each, index) => {
          assert.equal(commented[index]?.comment, each);
          assert.equal(commented[index].specText, `-m comment --comment ${quoteWord(each)}`);
        });
        prefixes.forEach((each, index) => {
          assert.equal(logging[index]?.specText, `-j LOG --log-prefix ${quoteWord(each)}`);
        });
      });

      it('reads odd quoting as iptables-restore does', () => {
        const lines = [
          '-A INPUT -m comment --comment a"b c" -j DROP',
          '-A INPUT -m comment --comment "b"-j DROP',
          '-A INPUT -m comment --comment="b c" -j DROP',
          String.raw`-A INPUT -m comment --comment a\b -j DROP`,
          String.raw`-A INPUT -m comment --comment "a\nb\q" -j DROP`,
          `-A INPUT -m comment --comment 'a' -j DROP`,
          '-A INPUT "-m" comment --comment "" "-j" "DROP"',
          '\t-A  INPUT\t-m comment --comment  x   -j DROP ',
          '-A INPUT --jump DROP -m comment --comment late --proto tcp',
          '[5:6]-A INPUT -m comment --comment counted --goto own',
        ];
        const text = `*filter\n:own - [0:0]\n${lines.join('\n')}\nCOMMIT\n`;
        firewall.restore(text);
        const read = (of: string): unknown =>
          rulesOf(filterOf(of), 'INPUT').map(({ comments, target, protocol }) => [
            comments,
            target,
            protocol,
          ]);
        assert.deepEqual(read(firewall.save('-t', 'filter')), read(text));
      });

      it('understands the commands of a template', () => {
        firewall.restore('*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j RETURN\n-A INPUT -j DROP\nCOMMIT\n');
        const template = [
          '*filter',
          '-N kc',
          '-A kc -m set --match-set kc-in src -j ACCEPT',
          '-I INPUT 2 -p tcp --syn -m comment --comment "knockctl: jump" -j kc',
          '-D INPUT -j RETURN',
          '-P FORWARD DROP',
          'COMMIT',
          '',
        ].join('\n');
        firewall.restore(render(parse(template)), '--noflush');
        const filter = filterOf(firewall.save('-t', 'filter'));
        assert.deepEqual(
          rulesOf(filter, 'INPUT').map(({ comment, target }) => [comment, target?.name]),
          [
            ['knockctl: jump', 'kc'],
            [undefined, 'DROP'],
          ],
        );
        assert.equal(rulesOf(filter, 'kc').length, 1);
        assert.ok(
          filter.lines.some((line) => line.kind === 'chain' && line.text.startsWith(':FORWARD DROP')),
        );
      });
    });
  }
}

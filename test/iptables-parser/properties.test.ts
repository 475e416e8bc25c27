import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { ParseError } from '../../src/iptables-parser/error.js';
import { makeChain, makeRemark, makeRuleset, makeTable } from '../../src/iptables-parser/make.js';
import { parse } from '../../src/iptables-parser/parse.js';
import { commands, tables } from '../../src/iptables-parser/query.js';
import { render } from '../../src/iptables-parser/render.js';
import { makeRule, parseRule } from '../../src/iptables-parser/rule.js';
import type { Counters, Match, RuleOption, Target } from '../../src/iptables-parser/types.js';
import type { Ruleset } from '../../src/iptables-parser/document.js';
import { readSave, saveNames } from './fixtures.js';

const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,27}$/);
const word = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '!',
      '-j',
      '-m',
      'comment',
      '--comment',
      '-p',
      'tcp',
      '--dport',
      '-s',
      '"',
      '\\',
      "'",
      '#',
    ),
  )
  .filter((text) => !/[\n\0]/.test(text));
const count = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const counters: fc.Arbitrary<Counters> = fc
  .tuple(count, count)
  .map(([packets, bytes]) => ({ packets, bytes }));

const rule = fc
  .record({
    command: fc.constantFrom('append', 'insert', 'delete', 'replace'),
    chain: name,
    position: fc.integer({ min: 1, max: 65_535 }),
    counters: fc.option(counters, { nil: undefined }),
    words: fc.array(word, { maxLength: 12 }),
  })
  .map(({ command, position, counters: counted, ...rest }) => ({
    parts: {
      ...rest,
      command,
      ...(command === 'append' ? {} : { position }),
      ...(counted === undefined ? {} : { counters: counted }),
    },
    made: makeRule({
      ...rest,
      command,
      ...(command === 'append' ? {} : { position }),
      ...(counted === undefined ? {} : { counters: counted }),
    }),
  }));

const chain = fc
  .tuple(name, fc.constantFrom('-', 'ACCEPT', 'DROP'), counters)
  .map((parts) => makeChain(...parts));
const remark = fc.string().map(makeRemark);
const table = fc
  .tuple(
    name,
    fc.array(
      fc.oneof(
        chain,
        remark,
        rule.map(({ made }) => made),
      ),
      { maxLength: 20 },
    ),
  )
  .map((parts) => makeTable(...parts));
const ruleset = fc.array(fc.oneof(table, remark), { maxLength: 6 }).map(makeRuleset);

// Options that no table of the parser knows, with values that do not look like options.
const option: fc.Arbitrary<RuleOption> = fc
  .tuple(
    fc.stringMatching(/^--x-[a-z0-9-]{0,9}$/),
    fc.boolean(),
    fc.array(
      word.filter((text) => !text.startsWith('-') && text !== '!'),
      { maxLength: 3 },
    ),
  )
  .map(([optionName, negated, values]) => ({ name: optionName, negated, values }));
const options = fc.array(option, { maxLength: 4 });
const match: fc.Arbitrary<Match> = fc
  .tuple(name, options)
  .map(([module, listed]) => ({ module, options: listed }));
const target: fc.Arbitrary<Target> = fc
  .tuple(name, fc.constantFrom('jump', 'goto'), options)
  .map(([targetName, by, listed]) => ({ name: targetName, by, options: listed }));

function optionWords({ name: optionName, negated, values }: RuleOption): string[] {
  return [...(negated ? ['!'] : []), optionName, ...values];
}

/** Reads everything that a rule gives, so that a getter that throws is seen. */
function readAll(parsed: Ruleset): void {
  for (const each of tables(parsed).flatMap(commands)) {
    const {
      protocol,
      source,
      destination,
      inInterface,
      outInterface,
      matches,
      target,
      otherOptions,
      comments,
    } = each;
    assert.ok([protocol, source, destination, inInterface, outInterface, target].length === 6);
    assert.ok(matches.length + otherOptions.length + comments.length >= 0);
  }
}

describe('any ruleset', () => {
  it('made by hand reads back as it was made', () => {
    fc.assert(
      fc.property(ruleset, (made) => {
        const text = render(made);
        // No entries render as the empty text, which has no line break to find again.
        const expected = made.entries.length === 0 ? { entries: [], finalNewline: false } : made;
        const parsed = parse(text);
        assert.deepEqual(parsed, expected);
        assert.equal(render(parsed), text);
        readAll(parsed);
      }),
    );
  });

  it('has in its rules the words that were given', () => {
    fc.assert(
      fc.property(rule, ({ parts, made }) => {
        assert.deepEqual(parseRule(made.text).words, parts.words);
        assert.equal(made.chain, parts.chain);
        assert.deepEqual(made.counters, 'counters' in parts ? parts.counters : undefined);
      }),
    );
  });

  it('gives the matches and the target that its words were written from', () => {
    fc.assert(
      fc.property(
        fc.array(match, { maxLength: 4 }),
        fc.option(target, { nil: undefined }),
        (matches, jump) => {
          const words = matches.flatMap(({ module, options }) => [
            '-m',
            module,
            ...options.flatMap(optionWords),
          ]);
          if (jump !== undefined) {
            words.push(jump.by === 'jump' ? '-j' : '-g', jump.name, ...jump.options.flatMap(optionWords));
          }
          const read = makeRule({ chain: 'x', words });
          assert.deepEqual(read.matches, matches);
          assert.deepEqual(read.target, jump);
          assert.deepEqual(read.otherOptions, []);
        },
      ),
    );
  });
});

const nasty = fc.constantFrom(
  ...['"', '\\', '\n', '\0', '\r', ' ', '!', '-', '*', ':', '#', '[', ']', 'COMMIT\n', '*filter\n'],
  ...[' --comment "', '-A ', '-A INPUT ', '\n" ', '\\"', '[1:2] ', '-R x ', '\v', '\ud800'],
);
const edit = fc.record({
  // In thousandths of the text.
  at: fc.noBias(fc.integer({ min: 0, max: 999 })),
  remove: fc.nat({ max: 12 }),
  insert: fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 5 })),
});

describe('a damaged save', () => {
  it('is read without loss or refused with a line, and never anything else', () => {
    const texts = saveNames().map((each) => readSave(each));
    let refused = 0;
    let read = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        (text, edits) => {
          const damaged = edits.reduce((current, { at, remove, insert }) => {
            const place = Math.floor((at * current.length) / 1000);
            return current.slice(0, place) + insert + current.slice(place + remove);
          }, text);
          try {
            const parsed = parse(damaged);
            assert.equal(render(parsed), damaged);
            readAll(parsed);
            read += 1;
          } catch (error) {
            if (!(error instanceof ParseError)) throw error;
            assert.ok(error.line >= 1 && error.line <= damaged.split('\n').length);
            assert.ok(damaged.includes(error.text));
            refused += 1;
          }
        },
      ),
      { numRuns: 1500 },
    );
    assert.ok(refused > 100 && read > 100, `${refused} refused, ${read} read`);
  });

  const hostile: readonly (readonly [string, string])[] = [
    ['quotes', '"'.repeat(1_000_000)],
    ['blanks', `*filter\n-A x${' '.repeat(1_000_000)}`],
    ['rules of nothing but quotes', `*filter\n${`-A x ${'""'.repeat(5000)}\n`.repeat(100)}COMMIT\n`],
    ['rules of nothing but backslashes', `*filter\n${`-A x "${'\\'.repeat(10_000)}"\n`.repeat(100)}COMMIT\n`],
    ['open comments', `*filter\n${`-A x${' '.repeat(9000)} --comment "\n`.repeat(100)}COMMIT\n`],
    [
      'comments of many lines',
      `*filter\n${`-A x${' '.repeat(9000)} --comment "${'\n'.repeat(500)}"\n`.repeat(100)}COMMIT\n`,
    ],
    ['negations', `*filter\n-A x ${'! '.repeat(5000)}\nCOMMIT\n`],
    ['line breaks', '\n'.repeat(1_000_000)],
    ['brackets', `*filter\n${'['.repeat(10_000)}\n`],
    ['a chain of blanks', `*filter\n:x${' '.repeat(10_000)}y\n`],
  ];
  for (const [what, text] of hostile) {
    it(`cannot keep the parser busy: ${what}`, () => {
      const before = process.cpuUsage();
      try {
        readAll(parse(text));
      } catch (error) {
        if (!(error instanceof ParseError)) throw error;
      }
      const tookMs = process.cpuUsage(before).user / 1_000;
      assert.ok(tookMs < 2_000, `${tookMs.toFixed(0)} ms of a core`);
    });
  }
});

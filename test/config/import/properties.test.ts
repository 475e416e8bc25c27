import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { ConfigError } from '../../../src/base/errors.js';
import { planImport, type ImportPlan } from '../../../src/config/import/plan.js';
import { loadConfig } from '../../../src/config/load.js';
import type { Config } from '../../../src/config/settings.js';
import { SEEDS, readSeed } from '../seeds.js';
import { lookUp } from './support.js';

const CONF = '/etc/knockctl/knockctl.conf';
const DOORS = '/etc/knockctl/knockd.conf';

/** The plan; undefined where the text is refused, as it may be, by ConfigError only. */
function attempt(text: string): ImportPlan | undefined {
  try {
    return planImport(text, '/etc/knockd.conf', lookUp);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.ok(error.faults.length > 0 && error.faults.every(({ line }) => line >= 0));
    return undefined;
  }
}

/** Throws where the two files have a fault. */
function load({ knockctlConf, knockdConf }: ImportPlan): Config {
  const files = new Map([
    [CONF, knockctlConf],
    [DOORS, knockdConf],
  ]);
  return loadConfig({ file: CONF }, (path) => files.get(path));
}

/** What holds for every plan, whatever it was made from. */
function checkSound(text: string, plan: ImportPlan): void {
  load(plan);
  const again = attempt(plan.knockdConf);
  assert.equal(again?.knockdConf, plan.knockdConf, 'a second import changes nothing');
  assert.equal(again.knockctlConf, plan.knockctlConf);
  assert.deepEqual(undo(text, plan.knockdConf), text.split('\n'), 'all else is kept byte for byte');
  const lines = text.split('\n').length;
  assert.ok(plan.notes.every((note) => note.line >= 0 && note.line <= lines && note.text !== ''));
  const noted = plan.notes.filter(({ line }) => line > 0).map(({ line }) => line);
  assert.deepEqual(
    noted,
    [...new Set(noted)].toSorted((a, b) => a - b),
    'one note a line, in order',
  );
}

/** The original lines, found in the result: as they are, or as a comment with or without a verb behind it. */
function undo(original: string, result: string): string[] {
  const lines = result.split('\n');
  const found: string[] = [];
  let at = 0;
  for (const line of original.split('\n')) {
    const indent = /^\s*/.exec(line)?.[0] ?? '';
    if (lines[at] === line) at += 1;
    else {
      assert.equal(lines[at], `${indent}# ${line.slice(indent.length)}`);
      at += 1;
      const next = lines[at] ?? '';
      if (/=\s*(?:knockctl (?:accept|drop|flush) %IP%|syn,!ack$)/.test(next) && next.startsWith(indent))
        at += 1;
    }
    found.push(line);
  }
  assert.equal(at, lines.length);
  return found;
}

const usually = <T>(value: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(value) }, ...others.map((one) => fc.constant(one)));
const program = usually('/sbin/iptables', 'iptables', 'iptables -w 2', '/usr/sbin/ip6tables', 'ufw');
const target = usually('ACCEPT', 'DROP', 'REJECT');
const where = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.constantFrom(
      '-p tcp --dport 22',
      '-p tcp --dport 21',
      '-p udp --dport 53',
      '-p tcp --syn --dport 5900',
      '-p tcp -m state --state NEW --dport ssh',
    ),
  },
  fc.constantFrom('-p tcp -m multiport --dports 22,80', '-p tcp', ''),
);
const chain = usually('INPUT', 'INPUT 2', 'knock', 'FORWARD');
/** A rule with what may take it away; now and then with something that only a shell can do. */
const pair = fc
  .tuple(program, chain, where, target, usually('', '; logger %IP%', ' # c', ' -i eth0'))
  .map(([name, into, match, verdict, rest]) => {
    const rule = (letter: string, to: string): string =>
      `${name} -${letter} ${to} -s %IP% ${match} -j ${verdict}${rest}`;
    return { adds: rule('I', into), deletes: rule('D', into.replace(/ .*/, '')) };
  });
const other = fc.constantFrom(
  'logger %IP%',
  '/usr/local/bin/open 22',
  'knockctl accept %IP%',
  'knockctl drop %IP% --timeout 9',
  'knockctl accept %IP% --service ftp',
  'knockctl accept %IP% --service shop',
  '',
);
const six = usually('', '_6');
/** The sections of one set-up: a door with its stop, two doors, or something else. */
const doors = fc.oneof(
  {
    weight: 3,
    arbitrary: pair.map(({ adds, deletes }) => [`command = ${adds}`, '[x]', `command = ${deletes}`]),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(pair, six, usually('300', '0', '1', '2147483'))
      .map(([{ adds, deletes }, suffix, time]) => [
        `\tstart_command${suffix} =${adds}`,
        `cmd_timeout=${time}`,
        `  stop_command${suffix}=  ${deletes}\r`,
      ]),
  },
  { weight: 2, arbitrary: pair.map(({ adds }) => [`Command = ${adds}  `]) },
  fc.tuple(other, six).map(([line, suffix]) => [`command${suffix} = ${line}`]),
  fc
    .tuple(pair, other)
    .map(([{ adds }, line]) => [`command = ${adds}`, `stop_command = ${line}`, `command = ${line}`]),
  fc.constantFrom(['# a comment', ''], ['stop_command = x'], ['stop_command_6 ='], ['UseSyslog']),
);
const setUp = fc
  .array(doors, { maxLength: 5 })
  .map((sections) =>
    ['[options]', 'logfile = /x', ...sections.flatMap((lines, index) => [`[d${index}]`, ...lines])]
      .flatMap((line) => (line.startsWith('[d') || line === '[x]' ? [line, 'sequence = 7000,8000'] : [line]))
      .join('\n'),
  );

describe('whatever the set-up is', () => {
  for (const seed of SEEDS.filter((name) => name.endsWith('.conf'))) {
    it(`${seed}: loads without a fault or a warning, twice the same, the rest untouched`, () => {
      const text = readSeed(seed);
      const plan = planImport(text, seed, lookUp);
      checkSound(text, plan);
      const config = load(plan);
      assert.deepEqual(config.warnings, []);
      for (const { actions } of config.doors) assert.equal(actions[4].start?.kind, 'verb');
    });
  }

  it('generated set-ups: the same', () => {
    let taken = 0;
    let changed = 0;
    fc.assert(
      fc.property(setUp, (text) => {
        const plan = attempt(text);
        if (plan === undefined) return;
        taken += 1;
        if (plan.knockdConf !== text) changed += 1;
        checkSound(text, plan);
      }),
      { numRuns: 2_000 },
    );
    assert.ok(
      taken > 1_000 && changed > 500,
      `${taken} of 2,000 were taken, ${changed} changed: they say little`,
    );
  });

  it('a port that a service protects is opened by no rule that a door still runs', () => {
    const rules = (config: Config): string[] =>
      config.doors.flatMap(({ actions }) =>
        [actions[4].start, actions[4].stop, actions[6].start, actions[6].stop].flatMap((command) =>
          command?.kind === 'shell' && /ip6?tables.*ACCEPT/.test(command.line) ? [command.line] : [],
        ),
      );
    fc.assert(
      fc.property(setUp, (text) => {
        // Verbs of their own are what the administrator wrote: they are not weighed.
        const plan = text.includes('knockctl') ? undefined : attempt(text);
        if (plan === undefined) return;
        const config = load(plan);
        const ports = config.settings.services.flatMap((service) => service.ports);
        for (const rule of rules(config)) {
          const named = /--dports? ([a-z0-9,]+)/.exec(rule)?.[1]?.split(',') ?? [];
          for (const word of named) {
            assert.ok(!ports.includes(Number(word)) && !ports.includes(lookUp(word) ?? 0), rule);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('pieces of configurations and random text throw nothing but ConfigError', () => {
    const pieces = SEEDS.flatMap((name) => readSeed(name).split(/(?<=\n)|(?<= )/));
    const text = fc
      .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 5 }), setUp), {
        maxLength: 30,
      })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(text, (mixed) => {
        const plan = attempt(mixed);
        if (plan !== undefined) checkSound(mixed, plan);
      }),
      { numRuns: 2_000 },
    );
  });
});

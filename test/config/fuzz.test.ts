import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { FAMILIES } from '../../src/base/address.js';
import { ConfigError } from '../../src/base/errors.js';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/settings.js';
import { expandTemplate } from '../../src/firewall/rules/template.js';
import { amountOf, FuzzWatch, randomFrom } from '../helpers/fuzz.js';
import { SERVICE } from '../helpers/kernel-space.js';
import { SEEDS, readSeed, shipped } from './seeds.js';

const KNOCKCTL = `[paths]\nrun = /run/k\n[listener]\ninterface = eth0, wg0 ; c
[firewall]\nlog = 10/min\n[failsafe]\nheartbeat = 5\nrescue_command = 'a; b'\n[health]\nschedule = */5 1-3 * jan,feb mon
[service.ssh]\nports = 22, 2222\naddress = 192.0.2.1 2001:db8::1\nchain = INPUT\n`;

/** Loads the texts as the three files: undefined where they are refused, as they may be, by ConfigError only. */
function attempt(conf: string, doors: string, trusted: string, once = ''): Config | undefined {
  const files = new Map([
    ['/k', conf],
    ['/etc/knockctl/knockd.conf', doors],
    ['/etc/knockctl/knockd.trusted', trusted],
    ['/once', once],
  ]);
  try {
    return loadConfig({ file: '/k' }, (path) => files.get(path));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.ok(error.faults.length > 0);
    for (const fault of error.faults) {
      assert.ok(fault.file.startsWith('/') && fault.line >= 0 && fault.message !== '');
    }
    return undefined;
  }
}

/** What every configuration that is taken must hold, whatever it was made of. */
function checkSound(config: Config): void {
  for (const { door, cmdTimeoutMs, actions } of config.doors) {
    assert.ok(door.sequence.length >= 1 && door.sequence.length <= 32);
    assert.ok(door.sequence.every(({ port }) => Number.isInteger(port) && port >= 1 && port <= 65_535));
    assert.ok(Number.isInteger(door.windowMs) && Number.isInteger(cmdTimeoutMs));
    assert.ok(cmdTimeoutMs >= 0 && cmdTimeoutMs <= 2_147_483_000);
    assert.equal(door.flags.value & ~door.flags.mask, 0);
    assert.ok(actions[4].start !== undefined || actions[4].stop === undefined);
  }
  assert.deepEqual(
    config.doors.map(({ door }) => door.id),
    config.doors.map((_, index) => index),
  );
  for (const { network, text } of config.trusted) assert.ok(network !== '0.0.0.0/0' && text !== '');
  const { failsafe } = config.settings;
  assert.ok(failsafe.switchTimeoutS * 1_000 > failsafe.heartbeatMs);
}

const PIECES = [
  '\n',
  '\r',
  '[',
  ']',
  '=',
  ',',
  ':',
  '!',
  '#',
  ';',
  '"',
  "'",
  '\\',
  ' ',
  '\t',
  '0',
  '9',
  '-',
  '%IP%',
].concat([
  '\0',
  '\uFEFF',
  '\uFFFD',
  '\u2028',
  '[options]\n',
  '[d]\n',
  'sequence=1\n',
  'UseSyslog\n',
  '99999',
  'x'.repeat(5_000),
]);

/** The text with one to four cuts, insertions or swaps. */
function mutate(text: string, random: (below: number) => number): string {
  let mutant = text;
  for (let count = random(4); count >= 0; count -= 1) {
    const at = random(mutant.length + 1);
    const to = at + random(12);
    const piece = random(2) === 0 ? (PIECES[random(PIECES.length)] ?? '') : mutant.slice(to, to + random(20));
    mutant = mutant.slice(0, at) + piece + mutant.slice(random(2) === 0 ? at : to);
  }
  return mutant;
}

/** A one-time file's door, and the file as it may be after some use. */
const ONCE = '[d]\none_time_sequences = /once\nseq_timeout = 5\n';
const SEQUENCES = '# spent\n#000,7001\n7002:udp,8002\n\n  7003 , 8003 , 9003:TCP\n7004\n';

/** Expands the template in both families: what is taken, names chains of its service only. */
function attemptTemplate(text: string): boolean {
  try {
    for (const family of FAMILIES) {
      const { chains, jumps } = expandTemplate({ file: '/t', text }, SERVICE, family, '6/min');
      for (const chain of chains.keys()) assert.match(chain, /^ssh_/);
      // A backslash in quotes stands for what follows it (iptables-restore).
      const rules = jumps.map(({ rule }) => rule.replaceAll('\\', ''));
      assert.ok(
        jumps.every(({ chain }) => chain === 'INPUT'),
        text,
      );
      const hidden = rules.filter((rule) => rule.includes('knockctl:hidden:ssh'));
      const [jump = '', ...more] = rules.filter((rule) => !hidden.includes(rule));
      assert.deepEqual(more, []);
      assert.match(jump, /knockctl:ssh/);
    }
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return false;
  }
}

/** Loads the texts and checks what comes of them; true where they are taken. */
function load(conf: string, doors: string, trusted: string, once = ''): boolean {
  const config = attempt(conf, doors, trusted, once);
  if (config !== undefined) checkSound(config);
  return config !== undefined;
}

/** What is mutated, and what takes it. */
const SUBJECTS: readonly (readonly [text: string, take: (mutant: string) => boolean])[] = [
  ...SEEDS.map((name) => {
    const take = (text: string): boolean =>
      name.endsWith('.trusted') ? load('', '', text) : load('', text, '');
    return [readSeed(name), take] as const;
  }),
  [KNOCKCTL, (text) => load(text, '', '')],
  [shipped('trusted/knockd.trusted'), (text) => load('', '', text)],
  [SEQUENCES, (text) => load('', ONCE, '', text)],
  [shipped('rules/service.rules'), attemptTemplate],
];

describe('whatever the files hold', () => {
  it('mutants of published files, and of ours, are taken soundly or refused by ConfigError', (test) => {
    const amount = amountOf('FUZZ_FILES', 15_000);
    const next = randomFrom(20_060_314);
    const random = (below: number): number => next() % below;
    const watch = new FuzzWatch(amount);
    const taken = SUBJECTS.map(() => 0);
    const before = process.cpuUsage().user;
    for (let run = 0; run < amount; run += 1) {
      const index = run % SUBJECTS.length;
      const [text, take] = SUBJECTS[index] ?? ['', () => false];
      const mutant = mutate(text, random);
      if (
        watch.item(
          () => take(mutant),
          () => JSON.stringify(mutant),
        )
      )
        taken[index] = (taken[index] ?? 0) + 1;
    }
    watch.finish(test);
    const each = amount / SUBJECTS.length;
    test.diagnostic(
      `taken, in percent of each: ${taken.map((count) => Math.round((100 * count) / each)).join(' ')}`,
    );
    for (const [index, count] of taken.entries()) {
      assert.ok(
        count > each / 50 && count < each,
        `${count} of ${each} of subject ${index}: they say little`,
      );
    }
    // Time of the processor, in microseconds: other work on the machine does not count.
    const perFile = (process.cpuUsage().user - before) / amount;
    assert.ok(perFile < 1_000, `${perFile} µs a file`);
  });

  it('random text throws nothing but ConfigError', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc
        .array(fc.constantFrom(...PIECES, '[service.a]\n', 'ports=', 'k = v\n'), { maxLength: 20 })
        .map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, text, text, (conf, doors, trusted) => {
        load(conf, doors, trusted);
      }),
      { numRuns: 1_000 },
    );
  });
});

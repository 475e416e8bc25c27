import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { ConfigError } from '../../src/base/errors.js';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/settings.js';
import { SEEDS, readSeed } from './seeds.js';

const KNOCKCTL = `[paths]\nrun = /run/k\n[listener]\ninterface = eth0, wg0 ; c
[firewall]\nlog = 10/min\n[failsafe]\nheartbeat = 5\nrescue_command = 'a; b'\n[health]\nschedule = */5 1-3 * jan,feb mon
[service.ssh]\nports = 22, 2222\naddress = 192.0.2.1 2001:db8::1\nchain = INPUT\n`;

/** Loads the texts as the three files: undefined where they are refused, as they may be, by ConfigError only. */
function attempt(conf: string, doors: string, trusted: string): Config | undefined {
  const files = new Map([
    ['/k', conf],
    ['/etc/knockctl/knockd.conf', doors],
    ['/etc/knockctl/knockd.trusted', trusted],
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

/** A small generator of numbers that repeats itself for a seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
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

describe('whatever the files hold', () => {
  it('10,000 mutants of published configurations are taken soundly or refused by ConfigError', () => {
    const texts = SEEDS.map((name) => ({ isTrusted: name.endsWith('.trusted'), text: readSeed(name) }));
    const random = randomFrom(20_060_314);
    let taken = 0;
    const before = process.cpuUsage().user;
    for (let run = 0; run < 10_000; run += 1) {
      const index = run % (texts.length + 1);
      const seed = texts[index];
      const mutant = mutate(seed?.text ?? KNOCKCTL, random);
      const config =
        seed === undefined
          ? attempt(mutant, '', '')
          : seed.isTrusted
            ? attempt('', '', mutant)
            : attempt('', mutant, '');
      if (config === undefined) continue;
      taken += 1;
      checkSound(config);
    }
    assert.ok(taken > 1_000 && taken < 9_000, `${taken} of 10,000 were taken: the mutants say little`);
    // Time of the processor, in microseconds: other work on the machine does not count.
    assert.ok(process.cpuUsage().user - before < 3_000_000, 'the mutants took over 3 s');
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
        const config = attempt(conf, doors, trusted);
        if (config !== undefined) checkSound(config);
      }),
      { numRuns: 1_000 },
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { HostnameAnnotator } from '../../../src/runtime/journal/hostname-annotator.js';
import { Journal } from '../../../src/runtime/journal/journal.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { LineLog } from '../../helpers/recorder.js';

/** Names that a resolver has not found yet: each look-up ends when the test says so. */
class Stand {
  readonly clock = new FakeClock();
  readonly asked: string[] = [];
  readonly lines: string[] = [];
  readonly #answers = new Map<string, (name: string | undefined) => void>();
  readonly names = new HostnameAnnotator({
    clock: this.clock,
    lookUp: async (address, signal) => {
      this.asked.push(address);
      // One listener for all of them: more than ten would be a warning.
      signal.onabort = () => {
        for (const answer of this.#answers.values()) answer(undefined);
      };
      return new Promise((resolve) => this.#answers.set(address, resolve));
    },
  });

  line(address: string, text: string): void {
    this.names.line(address, (name) => this.lines.push(`${address} ${name ?? '-'} ${text}`));
  }

  async answer(address: string, name: string | undefined): Promise<void> {
    const answer = this.#answers.get(address);
    assert.ok(answer, `${address} was not asked for`);
    answer(name);
    await setImmediate();
  }

  take(): string[] {
    return this.lines.splice(0);
  }
}

describe('lines with host names', () => {
  it('wait for the name, and keep their order', async () => {
    const stand = new Stand();
    stand.line('192.0.2.1', 'one');
    stand.line('192.0.2.1', 'two');
    stand.line('192.0.2.2', 'other');
    assert.deepEqual(stand.take(), []);
    await stand.answer('192.0.2.2', 'b.test');
    assert.deepEqual(stand.take(), ['192.0.2.2 b.test other'], 'one source does not wait for another');
    await stand.answer('192.0.2.1', 'a.test');
    assert.deepEqual(stand.take(), ['192.0.2.1 a.test one', '192.0.2.1 a.test two']);
    assert.deepEqual(stand.asked, ['192.0.2.1', '192.0.2.2'], 'one look-up a source');
  });

  it('know a name for a while, and that there is none for a shorter one', async () => {
    const stand = new Stand();
    for (const [address, name, ms] of [
      ['192.0.2.1', 'a.test', 300_000],
      ['192.0.2.2', undefined, 60_000],
    ] as const) {
      stand.line(address, 'one');
      await stand.answer(address, name);
      stand.clock.advance(ms - 1);
      stand.line(address, 'two');
      assert.equal(stand.take().at(-1), `${address} ${name ?? '-'} two`);
      stand.clock.advance(1);
      stand.line(address, 'three');
      assert.deepEqual(stand.take(), [], 'asked for again');
      await stand.answer(address, 'new.test');
      assert.deepEqual(stand.take(), [`${address} new.test three`]);
    }
  });

  it('go without it after 5 s, and have it when it has come later', async () => {
    const stand = new Stand();
    stand.line('192.0.2.1', 'one');
    stand.clock.advance(4_999);
    stand.line('192.0.2.1', 'two');
    assert.deepEqual(stand.take(), []);
    stand.clock.advance(1);
    assert.deepEqual(stand.take(), ['192.0.2.1 - one', '192.0.2.1 - two']);
    stand.line('192.0.2.1', 'three');
    assert.deepEqual(stand.take(), ['192.0.2.1 - three']);
    await stand.answer('192.0.2.1', 'late.test');
    stand.line('192.0.2.1', 'four');
    assert.deepEqual(stand.take(), ['192.0.2.1 late.test four']);
    assert.equal(stand.asked.length, 1);
  });

  it('do not pile up for one source', () => {
    const stand = new Stand();
    for (let index = 0; index < 65; index++) stand.line('192.0.2.1', `${index}`);
    assert.deepEqual(
      stand.take(),
      Array.from({ length: 65 }, (_, index) => `192.0.2.1 - ${index}`),
    );
    assert.equal(stand.asked.length, 1);
  });

  it('of a flood of sources are written at once, with eight look-ups at a time and no more than a few a second', async () => {
    const stand = new Stand();
    const address = (index: number): string => `10.0.${index >> 8}.${index & 255}`;
    for (let index = 0; index < 2_000; index++) stand.line(address(index), 'x');
    assert.equal(stand.asked.length, 8);
    const atOnce = stand.take();
    assert.equal(atOnce.length, 1_900);
    assert.ok(atOnce.every((line) => line.includes(' - ')));
    // A name server that answers at once is not asked without bound either: 100, and then 10 a second.
    for (let round = 0; round < 20; round++) {
      for (const asked of stand.asked.slice(-8)) await stand.answer(asked, 'a.test');
    }
    assert.equal(stand.take().length, 100);
    for (let index = 2_000; index < 2_100; index++) stand.line(address(index), 'x');
    assert.equal(stand.asked.length, 100);
    stand.clock.advance(1_000);
    for (let index = 2_100; index < 2_200; index++) stand.line(address(index), 'x');
    for (const asked of stand.asked.slice(-8)) await stand.answer(asked, 'a.test');
    assert.equal(stand.asked.length, 110);
  });

  it('are all written at the end, which nothing is left after', async () => {
    const stand = new Stand();
    for (let index = 1; index <= 20; index++) stand.line(`192.0.2.${index}`, 'x');
    stand.names.close();
    assert.equal(stand.take().length, 20);
    assert.equal(stand.clock.timers, 0);
    stand.line('192.0.2.99', 'x');
    assert.deepEqual(stand.take(), ['192.0.2.99 - x']);
    await setImmediate();
    assert.equal(stand.asked.length, 8, 'those that waited are not begun');
  });
});

describe('the journal with host names', () => {
  it('has them in lines that begin with the address; events do not wait', async () => {
    const stand = new Stand();
    const log = new LineLog();
    const journal = new Journal(log, stand.clock, { names: stand.names });
    const about = { door: 'd', address: '2001:db8::1' };
    journal.line('2001:db8::1: d: Stage 1', { address: '2001:db8::1' });
    journal.record('knock', '2001:db8::1: d: OPEN SESAME', about);
    journal.record('command', 'd: running command: true', about);
    journal.line('another line');
    assert.deepEqual(log.lines, ['info another line']);
    assert.deepEqual(
      journal.events.map(({ text }) => text),
      ['2001:db8::1: d: OPEN SESAME', 'd: running command: true'],
    );
    await stand.answer('2001:db8::1', 'six.test');
    assert.deepEqual(log.lines.slice(1), [
      'info 2001:db8::1 (six.test): d: Stage 1',
      'info 2001:db8::1 (six.test): d: OPEN SESAME',
      'info d: running command: true',
    ]);
  });
});

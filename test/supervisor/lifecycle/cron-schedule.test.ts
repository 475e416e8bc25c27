import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';

import { schedule } from '../../../src/supervisor/lifecycle/cron-schedule.js';
import { FakeClock } from '../../helpers/fake-clock.js';

const MINUTE_MS = 60_000;
const STEP_MS = 20_000;

/** A clock that begins at a time of the day, and can be set. */
class WallClock extends FakeClock {
  #zeroMs: number;

  constructor(start: string) {
    super();
    this.#zeroMs = Date.parse(start) - this.nowMs();
  }

  override wall(): Date {
    return new Date(this.#zeroMs + this.nowMs());
  }

  set(ms: number): void {
    this.#zeroMs += ms;
  }
}

/** Lets time pass, and what runs then come to its end. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= STEP_MS) {
    clock.advance(Math.min(STEP_MS, leftMs));
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  }
}

/** The runs of a schedule within so many minutes from a start. */
async function runs(expression: string, start: string, minutes: number): Promise<string[]> {
  const clock = new WallClock(start);
  const times: string[] = [];
  using running = schedule(
    expression,
    async () => Promise.resolve(times.push(clock.wall().toISOString())).then(() => undefined),
    clock,
  );
  await pass(clock, minutes * MINUTE_MS);
  assert.ok(running.next() !== undefined);
  return times;
}

/** Half a minute before an hour and a half before each change of 2026. */
const CHANGES: readonly (readonly [zone: string, winter: string, summer: string])[] = [
  ['America/New_York', '2026-11-01T04:30:30Z', '2026-03-08T05:30:30Z'],
  ['Europe/London', '2026-10-24T23:30:30Z', '2026-03-28T23:30:30Z'],
  ['Australia/Lord_Howe', '2026-04-04T13:30:30Z', '2026-10-03T14:00:30Z'],
  ['America/St_Johns', '2026-11-01T03:00:30Z', '2026-03-08T04:00:30Z'],
];

describe('a schedule', () => {
  const zone = process.env['TZ'];
  after(() => {
    if (zone === undefined) Reflect.deleteProperty(process.env, 'TZ');
    else process.env['TZ'] = zone;
  });

  for (const [name, winter, summer] of CHANGES) {
    it(`goes on over both changes of summer time in ${name}`, async () => {
      process.env['TZ'] = name;
      for (const start of [winter, summer]) {
        const before = new Date(start).getTimezoneOffset();
        assert.notEqual(
          new Date(Date.parse(start) + 180 * MINUTE_MS).getTimezoneOffset(),
          before,
          'it changes',
        );
        // Red with node-cron 4.6: New York had 120 runs, and London never came to an end.
        assert.equal((await runs('* * * * *', start, 180)).length, 180);
        assert.equal((await runs('*/10 * * * *', start, 180)).length, 18);
      }
    });
  }

  it('runs by local time: not in the hour that is left out, twice in the one that comes twice', async () => {
    process.env['TZ'] = 'Europe/Berlin';
    assert.deepEqual(await runs('30 3 * * *', '2026-07-01T00:00:00Z', 24 * 60), ['2026-07-01T01:30:00.000Z']);
    assert.deepEqual(await runs('30 2 * * *', '2026-03-28T12:00:00Z', 24 * 60), []);
    assert.equal((await runs('30 2 * * *', '2026-10-24T12:00:00Z', 24 * 60)).length, 2);
  });

  it('takes seconds, names, lists, ranges and 7 for Sunday', async () => {
    process.env['TZ'] = 'UTC';
    assert.equal((await runs('*/20 * * * * *', '2026-07-01T00:00:00Z', 2)).length, 6);
    assert.deepEqual(await runs('0 12 * jul 7', '2026-07-01T00:00:00Z', 7 * 24 * 60), [
      '2026-07-05T12:00:00.000Z',
    ]);
    assert.deepEqual(await runs('5,7-8 0 1 * *', '2026-07-01T00:00:00Z', 24 * 60), [
      '2026-07-01T00:05:00.000Z',
      '2026-07-01T00:07:00.000Z',
      '2026-07-01T00:08:00.000Z',
    ]);
  });

  it('makes no pause where the clock is set back, and one run of all that was missed', async () => {
    process.env['TZ'] = 'UTC';
    const clock = new WallClock('2026-07-01T00:00:30Z');
    let count = 0;
    using running = schedule(
      '* * * * *',
      async () => {
        count += 1;
        return Promise.resolve();
      },
      clock,
    );
    assert.equal(running.next()?.toISOString(), '2026-07-01T00:01:00.000Z');
    clock.set(-24 * 60 * MINUTE_MS);
    await pass(clock, 10 * MINUTE_MS);
    assert.ok(count >= 9, `${count} runs in ten minutes`);
    count = 0;
    clock.set(24 * 60 * MINUTE_MS);
    await pass(clock, MINUTE_MS);
    assert.equal(count, 1);
  });

  it('is not run beside itself', async () => {
    process.env['TZ'] = 'UTC';
    const clock = new WallClock('2026-07-01T00:00:30Z');
    let begun = 0;
    let end: () => void = () => undefined;
    using running = schedule(
      '* * * * *',
      async () => {
        begun += 1;
        return new Promise<void>((resolve) => {
          end = resolve;
        });
      },
      clock,
    );
    clock.advance(5 * MINUTE_MS);
    assert.equal(begun, 1);
    assert.ok((running.next() ?? clock.wall()) > clock.wall());
    end();
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(MINUTE_MS);
    assert.equal(begun, 2);
  });

  it('knows when it comes next', () => {
    process.env['TZ'] = 'UTC';
    const clock = new WallClock('2027-03-01T00:00:00Z');
    using leap = schedule('0 0 29 2 *', async () => Promise.resolve(), clock);
    assert.equal(leap.next()?.toISOString(), '2028-02-29T00:00:00.000Z');
  });
});

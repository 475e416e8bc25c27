import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { readIfExists } from '../../../src/system/files.js';
import { added, settled, Stand, stop } from './pending-fixture.js';

describe('pending stop commands', () => {
  it('are on disk before the start command, run after its end and their time, and are then gone', async () => {
    using stand = new Stand();
    const stops = stand.life();
    const noted = added(stops, stop('192.0.2.7'));
    await stops.noted();
    assert.equal(stand.stored.length, 1);
    stand.clock.advance(30_000);
    assert.deepEqual(stand.ran, [], 'the start command has not ended');
    noted.started();
    stand.clock.advance(9_999);
    assert.deepEqual(stand.ran, []);
    stand.clock.advance(1);
    assert.deepEqual(stand.ran, ['192.0.2.7 at 40000']);
    await settled();
    stand.clock.advance(50);
    assert.deepEqual(stand.stored, []);
    assert.equal(stops.count, 0);
    stand.clock.advance(50);
    assert.equal(stand.clock.timers, 0);
  });

  it('stay on disk until they have ended', async () => {
    using stand = new Stand();
    stand.slow = true;
    const stops = stand.life();
    added(stops, stop('192.0.2.7', 0)).started();
    stand.clock.advance(1_000);
    assert.equal(stand.ran.length, 1);
    assert.equal(stand.stored.length, 1);
    for (const finish of stand.finish) finish();
    await settled();
    stand.clock.advance(50);
    assert.deepEqual(stand.stored, []);
  });

  it('that cannot be begun are tried again, and at our end left to the next life', async () => {
    using stand = new Stand();
    stand.can = false;
    const stops = stand.life();
    added(stops, stop('192.0.2.7', 0)).started();
    added(stops, stop('192.0.2.8', 0)).started();
    for (let second = 0; second < 25; second += 1) {
      stand.clock.advance(1_000); // a second, in which it is found out
      await settled();
    }
    const first = stand.ran.filter((text) => text.startsWith('192.0.2.7'));
    assert.deepEqual(first, ['192.0.2.7 at 0', '192.0.2.7 at 11000', '192.0.2.7 at 21000']);
    await stops.runAll();
    stops.close();
    assert.equal(stand.stored.length, 2);
    stand.can = true;
    const next = stand.life();
    next.resume();
    await next.runAll();
    stand.clock.advance(50);
    assert.deepEqual(stand.stored, []);
  });

  it('are forgotten where the start command has not run', async () => {
    using stand = new Stand();
    const stops = stand.life();
    added(stops, stop('192.0.2.7')).forget();
    await stops.runAll();
    stand.clock.advance(60_000);
    assert.deepEqual(stand.ran, []);
    assert.equal(stops.count, 0);
  });

  it('outlive a crash: each at its time, at once where that has passed', async () => {
    using stand = new Stand();
    const crashed = stand.life();
    added(crashed, stop('192.0.2.1', 5_000)).started();
    added(crashed, stop('192.0.2.2', 60_000)).started();
    added(crashed, stop('192.0.2.3', 20_000)); // its start command never ended
    stand.clock.advance(50);
    crashed.close(); // as by a crash, nothing is run
    stand.clock.advance(10_000);
    assert.deepEqual(stand.ran, []);
    const stops = stand.life();
    stops.resume();
    assert.equal(stops.count, 3);
    stand.clock.advance(0);
    assert.deepEqual(stand.ran, ['192.0.2.1 at 10050']);
    stand.clock.advance(50_000);
    assert.deepEqual(stand.ran.slice(1), ['192.0.2.3 at 20000', '192.0.2.2 at 60000']);
    await settled();
    stand.clock.advance(50);
    assert.deepEqual(stand.stored, []);
    assert.deepEqual(stand.recording.lines, [
      'info stop commands of an earlier life: 3, each is run at its time',
    ]);
  });

  it('never wait longer than their cmd_timeout, whatever the wall clock says', () => {
    using stand = new Stand();
    const entry = (due: string): object => ({
      door: 'd',
      address: '192.0.2.7',
      command: 'x',
      timeout: 7_000,
      due,
    });
    writeFileSync(
      stand.path,
      JSON.stringify([entry('2999-01-01T00:00:00Z'), entry('1970-01-01T00:00:00Z')]),
      { mode: 0o600 },
    );
    stand.life().resume();
    stand.clock.advance(0);
    assert.deepEqual(stand.ran, ['192.0.2.7 at 0']);
    stand.clock.advance(7_000);
    assert.deepEqual(stand.ran, ['192.0.2.7 at 0', '192.0.2.7 at 7000']);
  });

  it('run all at once when asked to, those too whose start command ends then', async () => {
    using stand = new Stand();
    const stops = stand.life();
    const late = added(stops, stop('192.0.2.1'));
    added(stops, stop('192.0.2.2')).started();
    let ended = false;
    const all = stops.runAll().then(() => {
      ended = true;
    });
    await settled();
    assert.deepEqual(stand.ran, ['192.0.2.2 at 0']);
    assert.equal(ended, false);
    late.started();
    await all;
    assert.deepEqual(stand.ran, ['192.0.2.2 at 0', '192.0.2.1 at 0']);
    stops.close();
    assert.equal(readIfExists(stand.path), undefined);
    assert.equal(stand.clock.timers, 0);
  });

  it('that are kept are not run, and on disk', () => {
    using stand = new Stand();
    const stops = stand.life();
    const late = added(stops, stop('192.0.2.1'));
    added(stops, stop('192.0.2.2')).started();
    stops.close();
    late.started();
    stand.clock.advance(100_000);
    assert.deepEqual(stand.ran, []);
    assert.equal(stand.stored.length, 2);
    assert.equal(stand.clock.timers, 0);
  });

  it('of the same door, address and command can be put off', async () => {
    using stand = new Stand();
    const stops = stand.life();
    assert.equal(stops.extend(stop('192.0.2.7')), false);
    const noted = added(stops, stop('192.0.2.7'));
    assert.equal(stops.extend(stop('192.0.2.7')), true, 'its start command is going on');
    noted.started();
    stand.clock.advance(9_000);
    assert.equal(stops.extend(stop('192.0.2.8')), false);
    assert.equal(stops.extend(stop('192.0.2.7', 10_000, 'e')), false);
    assert.equal(stops.extend(stop('192.0.2.7')), true);
    stand.clock.advance(9_000);
    assert.deepEqual(stand.ran, []);
    stand.clock.advance(1_000);
    assert.deepEqual(stand.ran, ['192.0.2.7 at 19000']);
    assert.equal(stops.extend(stop('192.0.2.7')), false, 'it is running');
    await settled();
    assert.equal(stops.count, 0);
  });

  it('are 10,000 at most', () => {
    using stand = new Stand();
    const stops = stand.life();
    for (let index = 0; index < 10_000; index += 1) added(stops, stop(`10.0.${index >> 8}.${index & 255}`));
    assert.equal(stops.add(stop('192.0.2.7')), undefined);
    assert.equal(stops.count, 10_000);
  });

  it('each run once, through crashes at any moment', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('knock' as const), timeoutMs: fc.integer({ min: 0, max: 20_000 }) }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 8_000 }) }),
      fc.record({ kind: fc.constant('crash' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        using stand = new Stand();
        let stops = stand.life();
        let knocks = 0;
        for (const one of steps) {
          if (one.kind === 'knock') {
            const noted = added(stops, stop(`10.0.0.${(knocks += 1)}`, one.timeoutMs));
            const written = stops.noted();
            stand.clock.advance(50);
            await written;
            noted.started();
          } else if (one.kind === 'pass') stand.clock.advance(one.ms);
          else {
            stand.clock.advance(50);
            await settled();
            stops.close();
            stops = stand.life();
            stops.resume();
          }
          await settled();
        }
        stand.clock.advance(20_000);
        const seen = stand.ran.map((text) => text.split(' ')[0]);
        assert.equal(new Set(seen).size, knocks);
        assert.equal(seen.length, knocks);
        await settled();
        stops.close();
        assert.deepEqual(stand.stored, []);
      }),
      { numRuns: 60 },
    );
  });
});

import assert from 'node:assert/strict';
import { it } from 'node:test';

import type { Generation } from '../../../src/runtime/generation/generation.js';
import { Scheduler, type SchedulerParts } from '../../../src/supervisor/lifecycle/scheduler.js';
import { FakeClock } from '../../helpers/fake-clock.js';

function scene(): {
  clock: FakeClock;
  log: string[];
  times: { heartbeatMs: number };
  state: { now: string };
  scheduler: Scheduler;
} {
  const clock = new FakeClock();
  const log: string[] = [];
  const times = { heartbeatMs: 5_000 };
  const state = { now: 'armed' };
  const trusted = (what: string) => async (): Promise<void> => {
    log.push(what);
    await Promise.resolve();
    if (what === 'check') throw new Error('no such set');
  };
  const settings = { failsafe: times, health: { schedule: '* * * * *', resolve: '*/5 * * * *' } };
  const parts = {
    clock,
    journal: { record: (_kind: string, text: string) => void log.push(text) },
    failsafe: {
      get state() {
        return state.now;
      },
      heartbeat: () => void log.push('beat'),
      reconciler: { forceResync: () => void log.push('resync') },
    },
    entries: { check: async () => Promise.resolve() },
    exposures: { checkOtherTables: async () => Promise.resolve() },
    active: {
      current: {
        config: { settings },
        trusted: { check: trusted('check'), refresh: trusted('refresh') },
      } as unknown as Generation,
    },
  } as unknown as SchedulerParts;
  return { clock, log, times, state, scheduler: new Scheduler(parts) };
}

it('beats by the settings in force when it begins, and again by others after a reload', () => {
  const { clock, log, times, scheduler } = scene();
  scheduler.begin();
  clock.advance(10_000);
  assert.deepEqual(log, ['refresh', 'beat', 'beat']);
  times.heartbeatMs = 1_000;
  scheduler.begin();
  log.length = 0;
  clock.advance(3_000);
  assert.deepEqual(log, ['beat', 'beat', 'beat'], 'and no beat of before');
  scheduler.end();
  clock.advance(60_000);
  assert.deepEqual(log, ['beat', 'beat', 'beat']);
  assert.equal(clock.timers, 0);
});

it('checks rules and trusted list on its schedule; what fails is logged, and the next check comes', async () => {
  const { clock, log, state, times, scheduler } = scene();
  times.heartbeatMs = 3_600_000;
  scheduler.begin();
  const settle = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (const now of ['armed', 'tripped']) {
    log.length = 0;
    state.now = now;
    clock.advance(60_000);
    await settle();
    const expected = ['resync', 'check', 'the trusted list could not be applied: no such set'];
    const seen = log.filter((line) => line !== 'refresh');
    assert.deepEqual(seen, now === 'armed' ? expected : ['resync'], now);
  }
  scheduler.end();
});

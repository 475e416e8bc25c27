import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  EVENTS,
  feeds,
  MEANING,
  next,
  repairs,
  type Event,
} from '../../../src/supervisor/failsafe/state-machine.js';
import { STATES, type State } from '../../../src/wire/state.js';

/** failsafe.md, "States", written down again: only what changes the state. */
const CHANGES: Readonly<Record<State, Readonly<Partial<Record<Event, State>>>>> = {
  stopped: { start: 'preparing' },
  preparing: { sound: 'armed', 'given-up': 'tripped', 'given-up-unneeded': 'degraded', stop: 'stopping' },
  armed: {
    'listener-lost': 'degraded',
    'given-up': 'tripped',
    'given-up-unneeded': 'degraded',
    'rules-unsure': 'tripped',
    contested: 'contested',
    stop: 'stopping',
  },
  degraded: {
    sound: 'armed',
    'given-up': 'tripped',
    'rules-unsure': 'tripped',
    contested: 'contested',
    stop: 'stopping',
  },
  tripped: { sound: 'armed', 'given-up-unneeded': 'degraded', contested: 'contested', stop: 'stopping' },
  contested: { calm: 'tripped', stop: 'stopping' },
  stopping: { removed: 'stopped' },
};

/** Every state that some order of at most `steps` of the events leads to. */
function reachable(from: State, events: readonly Event[], steps = 20): Set<State> {
  const seen = new Set<State>([from]);
  for (let step = 0; step < steps; step += 1) {
    for (const state of [...seen]) for (const event of events) seen.add(next(state, event));
  }
  return seen;
}

describe('the machine', () => {
  it('is total, and changes only where the design says so', () => {
    for (const state of STATES) {
      for (const event of EVENTS)
        assert.equal(next(state, event), CHANGES[state][event] ?? state, `${state} ${event}`);
    }
    assert.deepEqual(Object.keys(MEANING).sort(), [...STATES].sort());
  });

  it('feeds in armed and degraded, and nowhere else', () => {
    assert.deepEqual(STATES.filter(feeds), ['armed', 'degraded']);
  });

  it('never feeds from tripped, preparing or stopped without a sound listener, or services that need none', () => {
    const others = EVENTS.filter((event) => event !== 'sound' && event !== 'given-up-unneeded');
    for (const state of ['stopped', 'preparing', 'tripped', 'contested', 'stopping'] as const) {
      assert.ok(![...reachable(state, others)].some(feeds), state);
    }
  });

  it('never feeds once it is stopping, whatever comes, until it is started again', () => {
    const others = EVENTS.filter((event) => event !== 'start');
    assert.deepEqual([...reachable('stopping', others)].sort(), ['stopped', 'stopping']);
  });

  it('does not fight on: contested neither feeds nor arms before it was calm, whatever the listener does', () => {
    const others = EVENTS.filter((event) => event !== 'calm' && event !== 'start');
    assert.deepEqual([...reachable('contested', others)].sort(), ['contested', 'stopped', 'stopping']);
    assert.equal(repairs('contested'), false);
  });

  it('in doubt about the rules it does not feed', () => {
    for (const state of STATES) {
      assert.equal(feeds(next(state, 'rules-unsure')), false);
      assert.equal(feeds(next(state, 'given-up')), false);
      assert.equal(feeds(next(state, 'contested')), false);
      assert.equal(feeds(next(state, 'stop')), false);
    }
  });

  it('is stopped by stop and the removal, from every state and in any company of other events', () => {
    const others = EVENTS.filter((event) => event !== 'start');
    for (const state of STATES) {
      for (const before of EVENTS) {
        for (const between of others) {
          const stopped = [before, 'stop', between, 'removed'] as const;
          const end = stopped.reduce<State>(next, state);
          assert.equal(end, 'stopped', `${state}: ${stopped.join(', ')}`);
        }
      }
    }
  });

  it('can be armed again from everywhere', () => {
    for (const state of STATES) assert.ok(reachable(state, EVENTS).has('armed'), state);
  });
});

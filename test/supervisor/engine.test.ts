import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { EXIT, KnockError } from '../../src/base/errors.js';
import type { Settings } from '../../src/config/settings.js';
import type { Firewall } from '../../src/firewall/firewall.js';
import { Engine } from '../../src/supervisor/engine.js';
import { EVENTS, feeds, type Event } from '../../src/supervisor/machine.js';
import { FakeClock } from '../helpers/fake-clock.js';

const FAILSAFE = { heartbeatMs: 5_000, switchTimeoutS: 30, listenerTimeoutMs: 10_000 };

const RULES = ['right', 'undone', 'busy', 'broken'] as const;
type Rules = (typeof RULES)[number];

/** An engine over a firewall that does as it is told, and notes each feeding and tripping. */
class Stand {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  rules: Rules = 'right';
  sound = true;
  /** Since the listener was last known to hear. */
  unprovenMs = 0;
  fedMs = -Infinity;
  fed = 0;
  /** What was wrong while the switch was fed: must stay empty. */
  readonly wrong: string[] = [];
  readonly engine: Engine;
  #degradedMs: number | undefined;

  constructor() {
    const firewall = {
      repair: async (beforeJump?: () => Promise<void>): Promise<string[]> => {
        await Promise.resolve();
        if (this.rules === 'busy') throw new KnockError('locked', { exitCode: EXIT.busy });
        if (this.rules === 'broken') throw new KnockError('the kernel refuses');
        await beforeJump?.();
        if (this.rules === 'right') return [];
        this.rules = 'right';
        return ['the jump was missing'];
      },
      // Noted when the order is given: what is on its way then comes before a trip, in one channel.
      feed: async (): Promise<void> => {
        this.#fed();
        await Promise.resolve();
      },
      trip: async (): Promise<void> => {
        await Promise.resolve();
        this.log.push('trip');
      },
    };
    this.engine = new Engine({
      clock: this.clock,
      journal: { record: (_kind, text) => void this.log.push(text) },
      firewall: () => firewall as unknown as Firewall,
      failsafe: () => FAILSAFE as Settings['failsafe'],
      listener: () => ({ sound: this.sound, unprovenMs: this.unprovenMs }),
      verified: () => undefined,
      looked: () => undefined,
      entered: () => undefined,
    });
  }

  event(event: Event): void {
    if (event === 'sound') this.sound = true;
    if (event === 'listener-lost' || event === 'given-up') this.sound = false;
    this.engine.event(event, `because of ${event}`);
    const { state } = this.engine.info;
    this.#degradedMs = state === 'degraded' ? (this.#degradedMs ?? this.clock.nowMs()) : undefined;
  }

  /** Until all that is queued has been done. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    await this.engine.queued(async () => Promise.resolve());
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }

  #fed(): void {
    const { state } = this.engine.info;
    const nowMs = this.clock.nowMs();
    if (!feeds(state)) this.wrong.push(`fed while ${state}`);
    if (this.#degradedMs !== undefined && nowMs - this.#degradedMs > FAILSAFE.listenerTimeoutMs)
      this.wrong.push('fed without a listener for longer than listener_timeout');
    this.fedMs = nowMs;
    this.fed += 1;
  }
}

describe('the engine', () => {
  // With either guard of the engine switched off (the state asked again while arming; the grace of degraded), it fails.
  it('never feeds while a condition fails, whatever happens in whatever order', async () => {
    const usual = EVENTS.filter((event) => event !== 'stop' && event !== 'removed');
    let fed = 0;
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom<Event>(...usual).map((event) => ({ event })) },
      { weight: 1, arbitrary: fc.constantFrom<Event>(...EVENTS).map((event) => ({ event })) },
      { weight: 3, arbitrary: fc.constantFrom<Rules>(...RULES).map((rules) => ({ rules })) },
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 12_000 }).map((ms) => ({ ms })) },
      { weight: 5, arbitrary: fc.constant({ beat: true }) },
      { weight: 5, arbitrary: fc.constant({ settle: true }) },
      { weight: 8, arbitrary: fc.constant({ turn: true }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 120 }), async (steps) => {
        const stand = new Stand();
        stand.event('start');
        stand.event('sound');
        for (const one of steps) {
          if ('event' in one) stand.event(one.event);
          else if ('rules' in one) stand.rules = one.rules;
          else if ('ms' in one) stand.clock.advance(one.ms);
          else if ('beat' in one) stand.engine.heartbeat();
          else if ('turn' in one) await Promise.resolve();
          else await stand.settle();
        }
        await stand.settle();
        assert.deepEqual(stand.wrong, []);
        fed += stand.fed;
        // With a listener lost, or rules that cannot be put right, feeding ends: two heartbeats later nobody feeds.
        if (stand.sound && stand.rules !== 'broken') return;
        for (let beat = 0; beat < 4; beat += 1) {
          stand.clock.advance(FAILSAFE.heartbeatMs);
          stand.engine.heartbeat();
          await stand.settle();
        }
        const lastMs = stand.fedMs;
        stand.clock.advance(FAILSAFE.heartbeatMs);
        stand.engine.heartbeat();
        await stand.settle();
        if (stand.engine.info.state !== 'degraded')
          assert.equal(stand.fedMs, lastMs, stand.engine.info.state);
      }),
      { numRuns: 500 },
    );
    assert.ok(fed > 500, `it feeds at all: ${fed} times`);
  });

  it('feeds without a listener for listener_timeout, and less where it took long to find out that none hears', async () => {
    // Promised are listener_timeout + switch_timeout from the last proof: 40 s.
    for (const [unprovenMs, graceMs] of [
      [0, 10_000],
      [12_000, 10_000],
      [35_000, 5_000],
      [50_000, 0],
    ] as const) {
      const stand = new Stand();
      stand.event('start');
      stand.event('sound');
      await stand.settle();
      stand.unprovenMs = unprovenMs;
      stand.event('listener-lost');
      if (graceMs > 0) stand.clock.advance(graceMs - 1);
      assert.equal(stand.engine.info.state, 'degraded');
      stand.clock.advance(1);
      assert.equal(stand.engine.info.state, 'tripped', `${unprovenMs} ms without proof`);
    }
  });

  it('arms again by itself once rules and listener are right', async () => {
    const stand = new Stand();
    stand.event('start');
    stand.event('sound');
    await stand.settle();
    stand.rules = 'broken';
    stand.engine.heartbeat();
    await stand.settle();
    assert.equal(stand.engine.info.state, 'tripped');
    stand.rules = 'undone';
    stand.engine.heartbeat();
    await stand.settle();
    assert.equal(stand.engine.info.state, 'armed');
    assert.equal(stand.engine.guard.repairs, 1);
  });

  it('keeps feeding while only the look has to wait for a lock, and says so once', async () => {
    const stand = new Stand();
    stand.event('start');
    stand.event('sound');
    await stand.settle();
    stand.rules = 'busy';
    for (let beat = 0; beat < 3; beat += 1) {
      stand.clock.advance(FAILSAFE.heartbeatMs);
      stand.engine.heartbeat();
      await stand.settle();
      assert.equal(stand.fedMs, stand.clock.nowMs());
    }
    assert.equal(stand.log.filter((line) => line.startsWith('check put off')).length, 1);
  });

  it('stops fighting at the sixth repair within a minute, names the culprit, and tries again after a calm one', async () => {
    const stand = new Stand();
    stand.event('start');
    stand.event('sound');
    await stand.settle();
    for (let deed = 0; deed < 6; deed += 1) {
      stand.rules = 'undone';
      stand.engine.guard.touched('evil (pid 7)');
      stand.clock.advance(500);
      await stand.settle();
    }
    assert.equal(stand.engine.info.state, 'contested');
    assert.match(stand.engine.info.reason, /more than 5 times within a minute; changed by evil \(pid 7\)/);
    assert.equal(stand.log.at(-1), 'trip');
    for (let second = 0; second < 120; second += 5) {
      stand.rules = 'undone';
      if (second < 60) stand.engine.guard.touched('evil (pid 7)');
      stand.clock.advance(5_000);
      stand.engine.heartbeat();
      await stand.settle();
      if (second < 110) assert.equal(stand.engine.info.state, 'contested', `${second}`);
    }
    stand.clock.advance(5_000);
    stand.engine.heartbeat();
    await stand.settle();
    stand.engine.heartbeat();
    await stand.settle();
    assert.equal(stand.engine.info.state, 'armed');
    assert.equal(stand.clock.timers, 0);
  });
});

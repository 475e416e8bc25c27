import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';

import { ListenerSupervisor, type Loss } from '../../../src/supervisor/listener/listener-supervisor.js';
import type { ListenerStarter } from '../../../src/supervisor/launch/listener-child.js';
import { identify } from '../../../src/system/process.js';
import type { ListenerMessage } from '../../../src/wire/listener.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { TempFolder } from '../../helpers/temp.js';
import { waitFor } from '../../helpers/wait.js';
import { BEAT, KNOCK, NO_SELF_KNOCK, ORDER, READY, standIn, STAY } from './fake-listener.js';

/** A keeper with a clock that stands still, and all that it tells. */
class Stand {
  readonly clock = new FakeClock();
  readonly ready: (readonly string[])[] = [];
  readonly messages: ListenerMessage[] = [];
  readonly losses: Loss[] = [];
  readonly failures: unknown[] = [];
  readonly waiting: (readonly string[])[] = [];
  readonly keeper: ListenerSupervisor;
  onReady: () => void = () => undefined;

  constructor(start: ListenerStarter, interfaces: readonly string[] = ['any'], timeoutMs = 10_000) {
    this.keeper = new ListenerSupervisor(() => ({ ...ORDER, interfaces }), {
      start,
      clock: this.clock,
      loopbackProbe: NO_SELF_KNOCK,
      onFailed: (_message, error) => this.failures.push(error),
      heartbeatMs: 5_000,
      timeoutMs,
      maxRestarts: 3,
      events: {
        ready: (names) => {
          this.ready.push(names);
          this.onReady();
        },
        message: (message) => this.messages.push(message),
        lost: (loss) => this.losses.push(loss),
        waiting: (names) => this.waiting.push(names),
      },
    });
    stands.push(this);
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    await waitFor(condition, what);
  }
}

const stands: Stand[] = [];

describe('the listener keeper', () => {
  afterEach(async () => {
    for (const stand of stands.splice(0)) {
      const { pid } = stand.keeper;
      stand.keeper.stop();
      await waitFor(() => pid === undefined || identify(pid) === undefined, 'its end');
      assert.equal(stand.clock.timers, 0, 'no timer is left');
    }
  });

  it('keeps a listener whose readiness cannot be acted on', async () => {
    const stand = new Stand(standIn(`${READY}; ${BEAT}; ${KNOCK}; ${STAY}`));
    stand.onReady = () => {
      throw new Error('ENOSPC');
    };
    stand.keeper.start();
    await stand.until(() => stand.messages.length > 0, 'a message');
    assert.match(String(stand.failures), /^Error: ENOSPC$/);
    assert.deepEqual([stand.keeper.isHealthy, stand.losses], [true, []]);
  });

  it('starts a listener, and passes on what it says once it is ready', async () => {
    const stand = new Stand(standIn(`${KNOCK}; ${READY}; ${BEAT}; ${KNOCK}; ${STAY}`));
    stand.keeper.start();
    assert.equal(stand.keeper.isHealthy, false);
    await stand.until(() => stand.messages.length > 0, 'a message');
    assert.deepEqual(stand.ready, [['any']]);
    assert.equal(stand.messages.length, 1, 'what it said before it was ready is not believed');
    assert.equal(stand.keeper.isHealthy, true);
    stand.clock.advance(1500);
    assert.deepEqual(stand.keeper.figures, {
      packets: 7,
      silentMs: 1500,
      hearsMs: 1500,
      roundTripMs: undefined,
      asked: 0,
      lost: 0,
      interfaces: ['any'],
    });
  });

  it('kills a listener that is not heard for too long, and starts another', async () => {
    const start = standIn(`${READY}; ${STAY}`);
    const stand = new Stand(start);
    stand.keeper.start();
    await stand.until(() => stand.keeper.isHealthy, 'the first');
    const first = stand.keeper.pid;
    stand.clock.advance(10_000);
    assert.equal(stand.losses.length, 0);
    stand.clock.advance(501);
    await stand.until(() => stand.losses.length === 1, 'its end');
    assert.match(stand.losses[0]?.reason ?? '', /^not heard for 1[01] s \(was killed by SIGKILL\)$/);
    assert.equal(identify(first ?? 0), undefined, 'no orphan');
    assert.equal(stand.keeper.isHealthy, false);
    assert.equal(start.started.length, 1);
    stand.clock.advance(200);
    await stand.until(() => stand.keeper.isHealthy, 'the second');
    assert.equal(start.started.length, 2);
  });

  it('gives the first sign of life more time', async () => {
    const stand = new Stand(standIn(STAY));
    stand.keeper.start();
    stand.clock.advance(14_999);
    assert.equal(stand.losses.length, 0);
    assert.notEqual(stand.keeper.pid, undefined);
    stand.clock.advance(1000);
    await stand.until(() => stand.losses.length === 1, 'its end');
  });

  it('gives up one that exits at once again and again, and tries on once a minute for ever', async () => {
    const start = standIn('exit 1');
    const stand = new Stand(start);
    stand.keeper.start();
    const delays: number[] = [];
    for (let death = 1; death <= 7; death += 1) {
      await stand.until(() => stand.losses.length === death, `death ${death}`);
      const { delayMs } = stand.losses[death - 1] ?? { delayMs: 0 };
      delays.push(delayMs);
      stand.clock.advance(delayMs - 1);
      assert.equal(start.started.length, death, 'not before its time');
      stand.clock.advance(1);
      assert.equal(start.started.length, death + 1);
    }
    assert.deepEqual(delays, [200, 1000, 2000, 60_000, 60_000, 60_000, 60_000]);
    assert.deepEqual(
      stand.losses.map((loss) => loss.givenUp),
      [false, false, false, true, true, true, true],
    );
  });

  it('tells why a listener could not go on, in its own words', async () => {
    const stand = new Stand(standIn(`echo '{"type":"fatal","reason":"no such device"}' >&3; exit 1`));
    stand.keeper.start();
    await stand.until(() => stand.losses.length === 1, 'its end');
    assert.equal(stand.losses[0]?.reason, 'no such device');
  });

  it('condemns', async () => {
    const stand = new Stand(standIn(`${READY}; ${STAY}`));
    stand.keeper.start();
    await stand.until(() => stand.keeper.isHealthy, 'the first');
    stand.keeper.killCompromised('it lied');
    await stand.until(() => stand.losses.length === 1, 'its end');
    assert.equal(stand.losses[0]?.reason, 'it lied (was killed by SIGKILL)');
  });

  it('waits for an interface, and says so once', () => {
    const start = standIn(STAY);
    const stand = new Stand(start, ['kc-absent0']);
    stand.keeper.start();
    stand.clock.advance(60_000);
    assert.deepEqual(stand.waiting, [['kc-absent0']]);
    assert.equal(start.started.length, 0);
  });

  it('replaces a listener once the new one is ready; the old one goes then', async () => {
    const start = standIn(`${READY}; ${STAY}`);
    const stand = new Stand(start);
    stand.keeper.start();
    await stand.until(() => stand.keeper.isHealthy, 'the first');
    const first = stand.keeper.pid;
    let switched = 0;
    await stand.keeper.replace(
      () => ORDER,
      () => {
        switched += 1;
        assert.notEqual(identify(first ?? 0), undefined, 'the old one is still at work');
      },
    );
    assert.equal(switched, 1);
    assert.notEqual(stand.keeper.pid, first);
    await stand.until(() => identify(first ?? 0) === undefined, 'the end of the old one');
    assert.equal(stand.losses.length, 0, 'that is no loss');
    assert.equal(stand.keeper.isHealthy, true);
  });

  it('keeps the old one where the new one fails, or is too slow', async () => {
    using folder = new TempFolder();
    const flag = folder.file('fail');
    const stand = new Stand(
      standIn(
        `[ -e ${flag} ] && { grep -q slow ${flag} && ${STAY}; echo '{"type":"fatal","reason":"no"}' >&3; exit 1; }; ${READY}; ${STAY}`,
      ),
      ['any'],
      60_000,
    );
    stand.keeper.start();
    await stand.until(() => stand.keeper.isHealthy, 'the first');
    const first = stand.keeper.pid;
    const never = (): void => {
      assert.fail('no switch');
    };
    writeFileSync(flag, '');
    await assert.rejects(
      stand.keeper.replace(() => ORDER, never),
      /the new listener no; the old one goes on/,
    );
    writeFileSync(flag, 'slow');
    const slow = stand.keeper.replace(() => ORDER, never);
    const told = assert.rejects(slow, /did not get ready in time/);
    stand.clock.advance(15_000);
    await told;
    assert.equal(stand.keeper.pid, first);
    await assert.rejects(
      stand.keeper.replace(() => ({ ...ORDER, interfaces: ['kc-absent0'] }), never),
      /none of the interfaces is up: kc-absent0/,
    );
    assert.equal(stand.keeper.isHealthy, true);
    assert.deepEqual(stand.losses, []);
  });

  it('does not let anybody wait for ever for a replacement, when it is stopped or another one comes', async () => {
    using folder = new TempFolder();
    const flag = folder.file('slow');
    const start = standIn(`[ -e ${flag} ] && ${STAY}; ${READY}; ${STAY}`);
    const stand = new Stand(start);
    stand.keeper.start();
    await stand.until(() => stand.keeper.isHealthy, 'the first');
    writeFileSync(flag, '');
    const first = assert.rejects(
      stand.keeper.replace(
        () => ORDER,
        () => undefined,
      ),
      /gave way to a newer one/,
    );
    const second = assert.rejects(
      stand.keeper.replace(
        () => ORDER,
        () => undefined,
      ),
      /was stopped/,
    );
    await first;
    stand.keeper.stop();
    await second;
    for (const { pid } of start.started) {
      await stand.until(() => identify(pid ?? 0) === undefined, 'the end of every listener');
    }
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ListenerSupervisor } from '../../../src/supervisor/listener/listener-supervisor.js';
import { identify } from '../../../src/system/process.js';
import { readIfExists } from '../../../src/system/files.js';
import { readListenerConfig, type ListenerConfig } from '../../../src/wire/listener.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { TempFolder } from '../../helpers/temp.js';
import { waitFor } from '../../helpers/wait.js';
import { NO_SELF_KNOCK, ORDER, READY, standIn, STAY } from './fake-listener.js';

/** A keeper of listeners that write down their order. */
class Stand implements AsyncDisposable {
  readonly #folder = new TempFolder();
  readonly clock = new FakeClock();
  readonly orders = this.#folder.file('orders');
  /** The ids of the one-time sequences that are left. */
  left = [1, 2, 3];
  ready = 0;
  readonly start = standIn(`echo "$order" >> ${this.orders}; ${READY}; ${STAY}`);
  readonly keeper = new ListenerSupervisor(() => this.makeOrder(), {
    start: this.start,
    clock: this.clock,
    loopbackProbe: NO_SELF_KNOCK,
    onFailed: (_message, error) => assert.fail(String(error)),
    heartbeatMs: 5_000,
    timeoutMs: 10_000,
    maxRestarts: 3,
    events: {
      ready: () => (this.ready += 1),
      message: () => undefined,
      lost: () => undefined,
      waiting: () => undefined,
    },
  });

  readonly makeOrder = (): ListenerConfig => {
    const sequences = this.left.map((id) => ({ id, sequence: [{ port: id, protocol: 'tcp' as const }] }));
    return { ...ORDER, oneTime: [{ door: 0, sequences }] };
  };

  /** The one-time sequences that each listener was told of. */
  get told(): number[][] {
    const lines = (readIfExists(this.orders) ?? '').split('\n').slice(0, -1);
    const orders = lines.map((line) => readListenerConfig(JSON.parse(line)));
    return orders.map(({ oneTime }) => oneTime.flatMap(({ sequences }) => sequences.map(({ id }) => id)));
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    await waitFor(condition, what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.keeper.stop();
    const alive = (): boolean => this.start.started.some(({ pid }) => identify(pid ?? 0) !== undefined);
    await waitFor(() => !alive(), 'the end of all of them');
    this.#folder[Symbol.dispose]();
  }
}

describe('the orders of the listener keeper', () => {
  it('are made anew for each listener that is started', async () => {
    await using stand = new Stand();
    stand.keeper.start();
    await stand.until(() => stand.keeper.isHealthy, 'the first');
    stand.left = [2, 3];
    process.kill(stand.keeper.pid ?? 0, 'SIGKILL');
    await stand.until(() => !stand.keeper.isHealthy, 'its end');
    stand.clock.advance(200);
    await stand.until(() => stand.keeper.isHealthy, 'the second');
    assert.deepEqual(stand.told, [
      [1, 2, 3],
      [2, 3],
    ]);
  });

  it('that are out of date when their listener is ready are replaced: no sequence is heard twice', async () => {
    await using stand = new Stand();
    stand.keeper.start();
    await stand.until(() => stand.keeper.isHealthy, 'the first');
    const first = stand.keeper.pid;
    let switched = 0;
    const replaced = stand.keeper.replace(stand.makeOrder, () => (switched += 1));
    stand.left = [2, 3]; // the first listener has heard one meanwhile
    await replaced;
    assert.equal(switched, 1);
    assert.deepEqual(stand.told.at(-1), [2, 3]);
    assert.equal(stand.start.started.length, 3);
    assert.equal(stand.keeper.pid, stand.start.started[2]?.pid);
    assert.equal(stand.ready, 2, 'the one between was never in charge');
    await stand.until(() => identify(first ?? 0) === undefined, 'the end of the first');
  });
});

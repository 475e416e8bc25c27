import assert from 'node:assert/strict';
import { it } from 'node:test';

import type { Journal } from '../../src/runtime/journal/journal.js';
import type { Supervisor } from '../../src/supervisor/lifecycle/supervisor.js';
import { Shutdown } from '../../src/supervisor/shutdown.js';
import type { ServiceManager } from '../../src/system/service-manager.js';

function scene(isRestarting = false): { log: string[]; fails: { next: boolean }; shutdown: Shutdown } {
  const log: string[] = [];
  const fails = { next: false };
  const supervisor = {
    stop: async (reason: string, keep: boolean) => {
      log.push(`stop, ${keep ? 'rules kept' : 'rules out'}: ${reason}`);
      await Promise.resolve();
      if (fails.next) throw new Error('the xtables lock is held');
      return [];
    },
    stopListener: () => void log.push('listener stopped'),
    detach: () => void log.push('detached'),
  } as unknown as Supervisor;
  const journal = {
    line: (text: string) => void log.push(text),
    record: (_kind: string, text: string) => void log.push(text),
  } as unknown as Journal;
  const manager = {
    stopping: () => void log.push('systemd was told'),
    isRestarting: async () => Promise.resolve(isRestarting),
  } as unknown as ServiceManager;
  return { log, fails, shutdown: new Shutdown(supervisor, journal, manager) };
}

it('stops once, whoever asks for it how often', async () => {
  const { log, shutdown } = scene();
  await Promise.all([shutdown.byRequest(false), shutdown.byRequest(true), shutdown.byTrial()]);
  assert.equal(await shutdown.code, 0);
  assert.deepEqual(log, ['shutting down', 'systemd was told', 'stop, rules out: asked to stop']);
});

it('leaves the rules in force at a signal that is part of a restart, and takes them out at any other', async () => {
  for (const isRestarting of [true, false]) {
    const { log, shutdown } = scene(isRestarting);
    shutdown.bySignal('SIGTERM');
    assert.equal(await shutdown.code, 0);
    const stop = isRestarting ? 'stop, rules kept: SIGTERM, to be started again' : 'stop, rules out: SIGTERM';
    assert.deepEqual(log, ['listener stopped', 'shutting down', 'systemd was told', stop]);
  }
});

it('can be asked again after a stop that failed; a signal ends the process all the same', async () => {
  const { log, fails, shutdown } = scene();
  fails.next = true;
  await assert.rejects(shutdown.byRequest(false), /the xtables lock is held/);
  assert.equal(shutdown.begun, false);
  shutdown.bySignal('SIGINT');
  assert.notEqual(await shutdown.code, 0);
  assert.match(log.at(-1) ?? '', /^could not stop cleanly: the xtables lock is held/);
});

it('touches nothing if another supervisor has taken over', async () => {
  const { log, shutdown } = scene();
  shutdown.asTaken();
  shutdown.asTaken();
  assert.equal(await shutdown.code, 0);
  assert.deepEqual(
    log.filter((line) => !line.startsWith('another supervisor runs')),
    ['detached'],
  );
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { CHILD_ENV } from '../../src/system/exec-env.js';
import { makePrivateFolder } from '../../src/system/files.js';
import { READY_FD, READY_VARIABLE } from '../../src/system/notify.js';
import { readStartOutcome, type StartOutcome } from '../../src/wire/start/start-outcome.js';

const DETACHED = fileURLToPath(new URL('../../app/bin/detached.js', import.meta.url));

/** Where a supervisor is to start: its network namespace, and its files. */
export interface QuickStart {
  readonly namespace: string;
  readonly conf: string;
  readonly run: string;
  readonly state: string;
  readonly log: string;
}

/**
 * Starts the process that `knockctl start` starts, in the same way, without that command: a start of Node less. Gives how the
 * start went; undefined if the supervisor ended without a word.
 */
export async function quickStart({
  namespace,
  conf,
  run,
  state,
  log,
}: QuickStart): Promise<StartOutcome | undefined> {
  for (const folder of [run, state]) makePrivateFolder(folder);
  const errors = openSync(log, 'a', 0o600);
  const argv = [process.execPath, DETACHED, JSON.stringify({ file: conf }), '{}'];
  const child = spawn('/usr/sbin/ip', ['netns', 'exec', namespace, ...argv], {
    detached: true,
    stdio: ['ignore', 'ignore', errors, 'pipe'],
    env: { ...CHILD_ENV, [READY_VARIABLE]: String(READY_FD) },
    cwd: '/',
  });
  closeSync(errors);
  child.unref();
  const channel = child.stdio[READY_FD];
  const outcome = readStartOutcome(channel instanceof Socket ? await text(channel) : '');
  if (outcome?.keepsRunning !== true && child.exitCode === null && child.signalCode === null)
    await once(child, 'exit');
  return outcome;
}

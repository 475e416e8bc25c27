import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';

import { EXIT } from '../../base/errors.js';
import { program } from '../../system/install-paths.js';
import type { LoadOptions } from '../../config/load-options.js';
import { CHILD_ENV } from '../../system/exec-env.js';
import { READY_FD, READY_VARIABLE } from '../../system/notify.js';
import { readStartOutcome, type StartOutcome } from '../../wire/start/start-outcome.js';
import type { StartRequest } from '../../wire/start/start-request.js';

/** A start waits for locks and for the listener; after so long we stop waiting for it. */
const START_MS = 120_000;
/** And so long for the end of one that has told that it ends. */
const END_MS = 10_000;

/**
 * Starts the supervisor in a session of its own, and waits until it tells how the start went, and, where it has failed, until it
 * has ended: else the next command would find it still there. `log` takes what node itself says of a crash.
 */
export async function startSupervisor(
  options: LoadOptions,
  log: string,
  wish: StartRequest = {},
): Promise<StartOutcome> {
  const errors = openSync(log, 'a', 0o600);
  const argv = [program('detached'), JSON.stringify(options), JSON.stringify(wish)];
  const child = spawn(process.execPath, argv, {
    detached: true,
    stdio: ['ignore', 'ignore', errors, 'pipe'],
    env: { ...CHILD_ENV, [READY_VARIABLE]: String(READY_FD) },
    cwd: '/',
  });
  closeSync(errors);
  child.unref();
  const channel = child.stdio[READY_FD];
  const text = channel instanceof Socket ? await readAll(channel) : '';
  const outcome = readStartOutcome(text);
  if (outcome?.keepsRunning === false) await ended(child);
  return (
    outcome ?? {
      exitCode: EXIT.firewall,
      text: 'the supervisor ended, or got nowhere, without saying why',
      hint: `look at the end of ${log}`,
      keepsRunning: false,
    }
  );
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  await once(child, 'exit', { signal: AbortSignal.timeout(END_MS) }).catch(() => undefined);
  child.unref();
}

/** Everything that comes until the other end closes, or until it takes too long. */
async function readAll(channel: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const late = setTimeout(() => {
      channel.destroy();
    }, START_MS);
    channel.on('data', (chunk: Buffer) => chunks.push(chunk));
    channel.on('error', () => {
      channel.destroy();
    });
    channel.on('close', () => {
      clearTimeout(late);
      resolve(Buffer.concat(chunks).toString());
    });
  });
}

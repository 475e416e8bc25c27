import { fileURLToPath } from 'node:url';

import { parseLoadOptions, type LoadOptions } from '../config/load-options.js';
import { runDaemon } from '../supervisor/daemon.js';
import { failureOf } from '../supervisor/start-report.js';
import type { ConsoleStyle } from '../system/log.js';
import { READY_FD, readyNotifier } from '../system/notify.js';
import { closeInherited } from '../system/process.js';
import { readStartWish, type StartWish } from '../wire/start-wish.js';
import { load } from './load.js';

/** EX_SOFTWARE of sysexits(3): Node's own 1 would mean to systemd that nothing is to be started again. */
const CRASHED = 70;

/**
 * The supervisor: `knockctl run` and `knockd` in the foreground, or started by `knockctl start` and `knockd -d` with
 * the word `detached` and its options. Who asked for knockd finds it by that name (pidof, killall, start-stop-daemon).
 */
export async function supervise(
  options: LoadOptions,
  console: ConsoleStyle,
  wish: StartWish = {},
): Promise<number> {
  process.title = options.front === undefined ? 'knockctl: supervisor' : 'knockd';
  process.umask(0o077);
  process.chdir('/');
  process.on('uncaughtException', (error) => {
    process.stderr.write(`knockctl: ${error.stack ?? error.message}\n`);
    process.exit(CRASHED);
  });
  const notify = readyNotifier();
  try {
    return await runDaemon({
      loadConfig: () => load(options),
      console,
      wish,
      started: notify,
    });
  } catch (error) {
    const failure = failureOf(error);
    notify(failure);
    if (console !== 'none') throw error;
    process.stderr.write(`knockctl: ${failure.text}\n`);
    return failure.exitCode;
  }
}

const [, program, mode, options, wish] = process.argv;
if (mode === 'detached' && program === fileURLToPath(import.meta.url)) {
  closeInherited(READY_FD);
  // Whatever is still open (a timer, a child's pipe) must not keep a supervisor alive that has ended.
  process.exit(await supervise(parseLoadOptions(options ?? ''), 'none', readStartWish(wish)));
}

import { fileURLToPath } from 'node:url';

import { EXIT, errorText, KnockError } from '../base/errors.js';
import { parseLoadOptions, type LoadOptions } from '../config/load-options.js';
import { runDaemon } from '../supervisor/daemon.js';
import type { ConsoleStyle } from '../system/log.js';
import { READY_FD, readyNotifier } from '../system/notify.js';
import { closeInherited } from '../system/process.js';
import { readStartWish, type StartWish } from '../wire/start-wish.js';
import { load } from './load.js';

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
  const notify = readyNotifier();
  try {
    return await runDaemon({
      loadConfig: () => load(options),
      console,
      wish,
      started: notify,
    });
  } catch (error) {
    const known = error instanceof KnockError ? error : undefined;
    const exitCode = known?.exitCode ?? EXIT.firewall;
    // A fault of ours needs its stack; what the system refuses does not.
    const isOurs = known === undefined && error instanceof Error && !('code' in error);
    const text = isOurs ? (error.stack ?? error.message) : errorText(error);
    notify({ exitCode, text, hint: known?.hint, goesOn: false });
    if (console !== 'none') throw error;
    process.stderr.write(`knockctl: ${text}\n`);
    return exitCode;
  }
}

const [, program, mode, options, wish] = process.argv;
if (mode === 'detached' && program === fileURLToPath(import.meta.url)) {
  closeInherited(READY_FD);
  // Whatever is still open (a timer, a child's pipe) must not keep a supervisor alive that has ended.
  process.exit(await supervise(parseLoadOptions(options ?? ''), 'none', readStartWish(wish)));
}

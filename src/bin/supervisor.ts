import { EXIT, errorText, KnockError } from '../base/errors.js';
import { loadConfig } from '../config/load.js';
import { runDaemon } from '../supervisor/daemon.js';
import { readIfExists } from '../system/files.js';
import { READY_FD, readyNotifier } from '../system/notify.js';
import { closeInherited } from '../system/process.js';
import { readStartWish, type StartWish } from '../wire/start-wish.js';

/** The supervisor: `knockctl run` in the foreground, or started by `knockctl start` with the word `detached`. */
export async function supervise(
  file: string | undefined,
  foreground: boolean,
  wish: StartWish = {},
): Promise<number> {
  process.title = 'knockctl: supervisor';
  process.umask(0o077);
  process.chdir('/');
  const notify = readyNotifier();
  try {
    return await runDaemon({
      loadConfig: () => loadConfig({ file }, readIfExists),
      foreground,
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
    if (foreground) throw error;
    process.stderr.write(`knockctl: ${text}\n`);
    return exitCode;
  }
}

const [, , mode, wish, file] = process.argv;
if (mode === 'detached') {
  closeInherited(READY_FD);
  // Whatever is still open (a timer, a child's pipe) must not keep a supervisor alive that has ended.
  process.exit(await supervise(file, false, readStartWish(wish)));
}

import type { LoadOptions } from '../config/load-options.js';
import { terminalText } from '../base/printable.js';
import { runDaemon } from '../supervisor/daemon.js';
import { failureOf } from '../supervisor/lifecycle/start-report.js';
import type { ConsoleStyle } from '../system/log.js';
import { readyNotifier } from '../system/notify.js';
import { goLast } from '../system/oom.js';
import type { StartRequest } from '../wire/start/start-request.js';
import { load } from './load.js';

/** Whatever is still open (a caller that does not hang up, a child's pipe) keeps a supervisor that has ended alive no longer than this. */
const LINGER_MS = 500;
/** EX_SOFTWARE of sysexits(3): Node's own 1 would mean to systemd that nothing is to be started again. */
const CRASHED = 70;

/**
 * The supervisor: `knockctl run` and `knockd` in the foreground; detached.ts, started by `knockctl start` and `knockd -d`. Who asked for knockd finds it by that name (pidof, killall, start-stop-daemon).
 */
export async function supervise(
  options: LoadOptions,
  console: ConsoleStyle,
  wish: StartRequest = {},
): Promise<number> {
  process.title = options.front === undefined ? 'knockctl: supervisor' : 'knockd';
  process.umask(0o077);
  process.chdir('/');
  goLast();
  // Nobody may read them, and Node takes that for a fault that ends the process.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.on('uncaughtException', (error) => {
    process.stderr.write(`knockctl: ${error.stack ?? error.message}\n`);
    process.exit(CRASHED);
  });
  const notify = readyNotifier();
  try {
    const code = await runDaemon({
      loadConfig: (belief) => load(options, belief),
      console,
      wish,
      started: notify,
    });
    endSoon();
    return code;
  } catch (error) {
    const failure = failureOf(error);
    notify(failure);
    if (console !== 'none') throw error;
    process.stderr.write(terminalText(`knockctl: ${failure.text}\n`, false));
    return failure.exitCode;
  }
}

function endSoon(): void {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

import { errorText, EXIT, KnockError } from '../base/errors.js';
import { runPaths } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import { systemClock } from '../system/clock.js';
import { systemExec } from '../system/exec.js';
import { makePrivateFolder, removeAbandoned, removeFile, replaceFile } from '../system/files.js';
import { takeLock } from '../system/lock.js';
import { openLog, type OwnedLog } from '../system/log.js';
import type { StartOutcome } from '../system/notify.js';
import { formatIdentity, identify } from '../system/process.js';
import { systemResolver } from '../system/resolver.js';
import { Control } from './control.js';
import { ControlServer } from './control-server.js';
import { Journal } from './journal.js';
import { listenerStarter } from './listener-process.js';
import { Shell } from './shell.js';
import { Supervisor } from './supervisor.js';

export interface DaemonOptions {
  /** Reads the configuration, at the start and at each reload; throws ConfigError. */
  readonly loadConfig: () => Config;
  /** In the foreground: the log goes to standard error as well. */
  readonly foreground: boolean;
  /** Told once how the start went. */
  readonly started: (outcome: StartOutcome) => void;
}

/** Bound of the log that a detached supervisor keeps where no other place was configured. */
const OWN_LOG_BYTES = 5 * 1024 * 1024;

/** The supervisor's process from lock to exit. Resolves with its exit code; rejects where it could not begin. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const config = options.loadConfig();
  const { paths } = config.settings;
  const places = runPaths(paths);
  makePrivateFolder(paths.run);
  makePrivateFolder(paths.state);
  using lock = await takeLock(places.lock);
  if (lock === undefined) {
    throw new KnockError(`knockctl is running already (it holds ${places.lock})`, {
      hint: 'knockctl status tells how it is; knockctl restart replaces it',
    });
  }
  for (const folder of [paths.run, paths.state]) removeAbandoned(folder);
  const log = openLog(logSettings(config, places.log, options.foreground));
  try {
    const own = identify(process.pid);
    if (own !== undefined) replaceFile(places.supervisor, formatIdentity(own));
    replaceFile(paths.pidFile, `${process.pid}\n`);
    return await serve(config, options, log);
  } finally {
    removeFile(paths.pidFile);
    removeFile(places.supervisor);
    await log.close();
  }
}

/** Runs the supervisor and its control socket until somebody ends it. */
async function serve(config: Config, options: DaemonOptions, log: OwnedLog): Promise<number> {
  const journal = new Journal(log, systemClock);
  for (const warning of config.warnings) journal.record('configuration', warning, {}, 'warn');
  const supervisor = new Supervisor({
    config,
    paths: runPaths(config.settings.paths),
    startListener: listenerStarter(),
    exec: systemExec,
    clock: systemClock,
    resolver: systemResolver,
    journal,
    shell: new Shell(),
  });
  const ending = new Ending(supervisor, journal);
  const control = new Control({
    supervisor,
    journal,
    loadConfig: options.loadConfig,
    stop: ending.byRequest,
  });
  const server = new ControlServer(runPaths(config.settings.paths).socket, control);
  process.on('SIGTERM', ending.bySignal);
  process.on('SIGINT', ending.bySignal);
  process.on('SIGHUP', () => {
    log.reopen();
    void reloadBySignal(control, journal, config.settings.paths.doors);
  });
  try {
    await server.open();
    const outcome = await supervisor.start();
    const isFailure = !outcome.goesOn && !ending.begun;
    // Taken out before it is told: who hears of the failure may believe that nothing is left.
    if (isFailure) await supervisor.abandon(outcome.text);
    options.started(outcome);
    return isFailure ? outcome.exitCode : await ending.code;
  } catch (error) {
    try {
      await supervisor.abandon(errorText(error));
    } catch (second) {
      // What went wrong first is what has to be mended, and what is thrown.
      journal.record('firewall', `could not take everything out: ${errorText(second)}`, {}, 'error');
    }
    throw error;
  } finally {
    server.close();
  }
}

/** The one way out, whoever asks for it: a request, or a signal. */
class Ending {
  readonly #supervisor: Supervisor;
  readonly #journal: Journal;
  #stopping: Promise<string[]> | undefined;
  #end: (code: number) => void = () => undefined;
  /** The exit code, once the service has ended. */
  readonly code = new Promise<number>((resolve) => {
    this.#end = resolve;
  });

  constructor(supervisor: Supervisor, journal: Journal) {
    this.#supervisor = supervisor;
    this.#journal = journal;
  }

  get begun(): boolean {
    return this.#stopping !== undefined;
  }

  readonly byRequest = async (keep: boolean): Promise<string[]> => {
    const left = await this.#stop('asked to stop', keep);
    setImmediate(() => {
      this.#end(EXIT.ok); // after the reply has been written
    });
    return left;
  };

  readonly bySignal = (name: NodeJS.Signals): void => {
    this.#stop(name, false).then(
      () => {
        this.#end(EXIT.ok);
      },
      (error: unknown) => {
        this.#journal.record('state', `could not stop cleanly: ${errorText(error)}`, {}, 'error');
        this.#end(EXIT.firewall);
      },
    );
  };

  async #stop(reason: string, keep: boolean): Promise<string[]> {
    if (this.#stopping === undefined) this.#journal.note('shutting down');
    this.#stopping ??= this.#supervisor.stop(reason, keep);
    try {
      return await this.#stopping;
    } catch (error) {
      this.#stopping = undefined; // what stood in the way (a lock) may be gone when it is asked for again
      throw error;
    }
  }
}

async function reloadBySignal(control: Control, journal: Journal, doors: string): Promise<void> {
  journal.note(`re-reading config file: ${doors}`);
  try {
    const reply = await control.reload();
    for (const { level, text } of reply.remarks)
      journal.record('reload', text, {}, level === 'error' ? 'error' : 'info');
  } catch (error) {
    journal.record('reload', `not reloaded, the old configuration stays: ${errorText(error)}`, {}, 'error');
  }
}

function logSettings(config: Config, ownLog: string, foreground: boolean): Parameters<typeof openLog>[0] {
  const { log } = config.settings;
  const nowhere = log.file === undefined && !log.syslog && !foreground;
  return {
    level: log.level,
    json: log.json,
    syslog: log.syslog,
    console: foreground,
    file: nowhere ? ownLog : log.file,
    maxFileBytes: nowhere ? OWN_LOG_BYTES : undefined,
  };
}

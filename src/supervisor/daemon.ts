import { errorText, EXIT } from '../base/errors.js';
import { runPaths } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import { systemClock } from '../system/clock.js';
import { systemExec } from '../system/exec.js';
import { makePrivateFolder, readIfExists, removeAbandoned } from '../system/files.js';
import { openLog, type ConsoleStyle, type OwnedLog } from '../system/log.js';
import type { StartOutcome } from '../system/notify.js';
import { systemResolver, systemReverse } from '../system/resolver.js';
import type { StartWish } from '../wire/start-wish.js';
import { chooseConfig, type Chosen } from './choose-config.js';
import { Control } from './control.js';
import { ControlServer } from './control-server.js';
import { EventHistory } from './event-history.js';
import { Findable } from './findable.js';
import { HostNames } from './host-names.js';
import { Journal } from './journal.js';
import { listenerStarter } from './listener-process.js';
import { Presence } from './presence.js';
import { Shell } from './shell.js';
import { Supervisor } from './supervisor.js';

export interface DaemonOptions {
  /** Reads the configuration, at the start and at each reload; throws ConfigError. */
  readonly loadConfig: () => Config;
  /** What a terminal sees of the log; none where there is no terminal. */
  readonly console: ConsoleStyle;
  /** What the start is to be besides. */
  readonly wish: StartWish;
  /** Told once how the start went. */
  readonly started: (outcome: StartOutcome) => void;
}

/** Bound of the log that a detached supervisor keeps where no other place was configured. */
const OWN_LOG_BYTES = 5 * 1024 * 1024;

/** The supervisor's process from lock to exit. Resolves with its exit code; rejects where it could not begin. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const disk = options.loadConfig();
  const { paths } = disk.settings;
  const places = runPaths(paths);
  makePrivateFolder(paths.state);
  using presence = await Presence.take(paths);
  for (const folder of [paths.run, paths.state]) removeAbandoned(folder);
  const chosen = chooseConfig(disk, readIfExists, options.wish.trialS !== undefined);
  const log = openLog(logSettings(chosen.config, places.log, options.console));
  try {
    presence.announce(log);
    return await serve(chosen, options, log, presence);
  } finally {
    await log.close();
  }
}

/** Runs the supervisor and its control socket until somebody ends it. */
async function serve(
  chosen: Chosen,
  options: DaemonOptions,
  log: OwnedLog,
  presence: Presence,
): Promise<number> {
  const { config, template, notes } = chosen;
  await using records = openRecords(chosen, log);
  const { journal } = records;
  const supervisor = new Supervisor({
    config,
    template,
    trialS: options.wish.trialS,
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
  const findable = new Findable({ clock: systemClock, journal, presence, server, taken: ending.asTaken });
  process.on('SIGTERM', ending.bySignal);
  process.on('SIGINT', ending.bySignal);
  process.on('SIGHUP', () => {
    log.reopen();
    void reloadBySignal(control, journal, config.settings.paths.doors);
  });
  try {
    await server.open();
    findable.begin();
    const arrived = await control.changes.arrive(await supervisor.start(), options.wish, ending.byTrial);
    await findable.look(); // from now on it knows what it would have to put back
    const outcome = { ...arrived, notes: [...notes, ...(arrived.notes ?? [])] };
    const isFailure = !outcome.goesOn && !ending.begun;
    // A fault, unlike the states that follow: who sees nothing else on the terminal sees it.
    if (isFailure) journal.record('state', outcome.text, {}, 'error');
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
    findable[Symbol.dispose]();
    server.close();
  }
}

/** The journal, with its history and the names of hosts; what the choice of the configuration has to say comes first. */
function openRecords(
  { config: { settings, warnings }, notes }: Chosen,
  log: OwnedLog,
): AsyncDisposable & { readonly journal: Journal } {
  const names = settings.log.lookup
    ? new HostNames({ clock: systemClock, lookUp: systemReverse })
    : undefined;
  const history = new EventHistory(runPaths(settings.paths).events, (text) => {
    log.warn(text);
  });
  const journal = new Journal(log, systemClock, { history, names });
  for (const note of notes) journal.record('configuration', note, {}, 'error');
  for (const warning of warnings) journal.record('configuration', warning, {}, 'warn');
  const close = async (): Promise<void> => {
    names?.close();
    await history.close();
  };
  return { journal, [Symbol.asyncDispose]: close };
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

  /** A start on trial that was not confirmed: rejects where something could not be taken out. */
  readonly byTrial = async (): Promise<void> => {
    await this.#stop('the start was on trial and was not confirmed', false);
    setImmediate(() => {
      this.#end(EXIT.ok); // after it has been told
    });
  };

  /** Another supervisor has the rules and their files: we go, and touch neither. */
  readonly asTaken = (): void => {
    if (this.#stopping !== undefined) return;
    const text = 'another supervisor runs since the run folder was deleted: this one ends, the rules stay';
    this.#journal.record('state', text, {}, 'error');
    this.#stopping = Promise.resolve([]);
    this.#supervisor.leave(text);
    this.#end(EXIT.ok);
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
    const reply = await control.changes.reload();
    for (const { level, text } of reply.remarks)
      journal.record('reload', text, {}, level === 'error' ? 'error' : 'info');
  } catch (error) {
    journal.record('reload', `not reloaded, the old configuration stays: ${errorText(error)}`, {}, 'error');
  }
}

function logSettings(config: Config, ownLog: string, console: ConsoleStyle): Parameters<typeof openLog>[0] {
  const { log } = config.settings;
  const shown = console === 'file' || console === 'plain';
  const nowhere = log.file === undefined && !log.syslog && !shown;
  return {
    level: log.level,
    json: log.json,
    syslog: log.syslog,
    console,
    file: nowhere ? ownLog : log.file,
    maxFileBytes: nowhere ? OWN_LOG_BYTES : undefined,
  };
}

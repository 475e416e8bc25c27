import { errorText, EXIT } from '../base/errors.js';
import { terminalText } from '../base/printable.js';
import { runPaths, type RunPaths } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import { systemClock, within } from '../system/clock.js';
import { systemExec } from '../system/exec.js';
import {
  makePrivateFolder,
  readIfExists,
  reclaimFolder,
  removeAbandoned,
  removeFile,
  replaceFile,
} from '../system/files.js';
import { readStrict } from '../system/strict-file.js';
import { openLog, type ConsoleStyle, type OwnedLog } from '../system/log.js';
import type { StartOutcome } from '../wire/start/start-outcome.js';
import { serviceManager, type ServiceManager } from '../system/service-manager.js';
import { systemResolver, systemReverse } from '../system/resolver.js';
import { readStartRequest, type StartRequest } from '../wire/start/start-request.js';
import { selectConfig, type SelectedConfig } from '../runtime/generation/select-config.js';
import { RequestHandler } from './control/request-handler.js';
import { ControlServer } from './control/control-server.js';
import { Shutdown } from './shutdown.js';
import { EventHistory } from '../runtime/journal/event-history.js';
import { RunDirMonitor } from './run-dir-monitor.js';
import { HostnameAnnotator } from '../runtime/journal/hostname-annotator.js';
import { Journal } from '../runtime/journal/journal.js';
import { childLaunchers, unitLaunchers, type Launchers } from './launch/launchers.js';
import { InstanceLock } from '../runtime/instance-lock.js';
import { failureOf } from './lifecycle/start-report.js';
import { Supervisor } from './lifecycle/supervisor.js';

interface DaemonOptions {
  /**
   * Reads the configuration; throws ConfigError. Lenient at the start, for one that is refused is an open port: what others could
   * have written is left out. Strict at a reload: what was in force stays so.
   */
  readonly loadConfig: (belief: 'strict' | 'lenient') => Config;
  /** What a terminal sees of the log; none where there is no terminal. */
  readonly console: ConsoleStyle;
  /** What the start is to be besides. */
  readonly wish: StartRequest;
  /** Told once how the start went. */
  readonly started: (outcome: StartOutcome) => void;
  /** It is `knockctl start` that had systemd start us. */
  readonly isWaitedFor?: true;
}

/** Bound of the log that a detached supervisor keeps where no other place was configured. */
const OWN_LOG_BYTES = 5 * 1024 * 1024;

/** Whoever takes our last lines gets so long for it. */
const CLOSE_MS = 1_000;

/** The supervisor's process from lock to exit. Resolves with its exit code; rejects where it could not begin. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const disk = options.loadConfig('lenient');
  const { paths } = disk.settings;
  const places = runPaths(paths);
  const reclaimed = [paths.run, paths.state].flatMap((folder) => reclaimFolder(folder) ?? []);
  makePrivateFolder(paths.state);
  using presence = await InstanceLock.acquire(paths);
  for (const folder of [paths.run, paths.state, places.entries, places.trustedEntries])
    removeAbandoned(folder);
  const wished = withWish(options, places);
  try {
    return await live(disk, wished, presence, reclaimed);
  } catch (error) {
    wished.started(failureOf(error));
    if (wished.isWaitedFor !== true) throw error;
    process.stderr.write(terminalText(`knockctl: ${errorText(error)}\n`, false));
    return TOLD;
  }
}

async function live(
  disk: Config,
  options: DaemonOptions,
  presence: InstanceLock,
  reclaimed: readonly string[],
): Promise<number> {
  const places = runPaths(disk.settings.paths);
  const chosen = selectConfig(disk, readStrict, options.wish.trialS !== undefined);
  const log = openLog(logSettings(chosen.config, places.log, options.console));
  const manager = serviceManager((problem) => {
    log.warn(problem);
  });
  try {
    presence.announce(log);
    for (const text of reclaimed) log.warn(text);
    const told =
      log.problem === undefined ? [] : [`the log cannot be written: ${log.problem}; it goes on without`];
    const notes = [...chosen.notes, ...told];
    return await serve({ ...chosen, notes }, options, log, presence, manager);
  } finally {
    await within(systemClock, CLOSE_MS, log.close());
  }
}

/**
 * A start that somebody waited for and that has failed ends with this: systemd must not try again by itself what was told
 * to have failed, and may have been on trial.
 */
const TOLD = EXIT.refused;

/** A supervisor that systemd starts for `knockctl start` has its wish in a file, and tells by another how it went. */
function withWish(options: DaemonOptions, { wish: path, outcome }: RunPaths): DaemonOptions {
  const text = readIfExists(path);
  if (text === undefined) return options;
  removeFile(path);
  return {
    ...options,
    wish: readStartRequest(text),
    isWaitedFor: true,
    started: (how) => {
      replaceFile(outcome, JSON.stringify(how));
      options.started(how);
    },
  };
}

/** Runs the supervisor and its control socket until somebody ends it. */
async function serve(
  chosen: SelectedConfig,
  options: DaemonOptions,
  log: OwnedLog,
  presence: InstanceLock,
  manager: ServiceManager,
): Promise<number> {
  const { config, template, notes } = chosen;
  await using records = openRecords(chosen, log);
  const { journal } = records;
  const supervisor = new Supervisor({
    config,
    template,
    trialS: options.wish.trialS,
    paths: runPaths(config.settings.paths),
    onVerifyAttempt: manager.alive,
    onStateText: manager.status,
    ...means(manager, runPaths(config.settings.paths)),
    exec: systemExec,
    clock: systemClock,
    resolver: systemResolver,
    journal,
  });
  const ending = new Shutdown(supervisor, journal, manager);
  const loadConfig = (): Config => options.loadConfig('strict');
  const control = new RequestHandler({ supervisor, journal, loadConfig, stop: ending.byRequest });
  const server = new ControlServer(runPaths(config.settings.paths).socket, control);
  const findable = new RunDirMonitor({
    ...{ clock: systemClock, journal, presence, server, taken: ending.asTaken },
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, ending.bySignal);
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
    const isFailure = !outcome.keepsRunning && !ending.begun;
    // A fault, unlike the states that follow: who sees nothing else on the terminal sees it.
    if (isFailure) journal.record('state', outcome.text, {}, 'error');
    // Taken out before it is told: who hears of the failure may believe that nothing is left.
    if (isFailure) await supervisor.abandon(outcome.text);
    options.started(outcome);
    if (!isFailure) manager.ready(outcome.text);
    if (!isFailure) return await ending.code;
    return options.isWaitedFor === true ? TOLD : outcome.exitCode;
  } catch (error) {
    try {
      await supervisor.abandon(errorText(error));
    } catch (second) {
      // What went wrong first is what has to be fixed, and what is thrown.
      journal.record('firewall', `could not take everything out: ${errorText(second)}`, {}, 'error');
    }
    throw error;
  } finally {
    findable[Symbol.dispose]();
    server.close();
  }
}

function means({ confinedTo }: ServiceManager, paths: RunPaths): Launchers {
  return confinedTo === undefined ? childLaunchers() : unitLaunchers(confinedTo, paths);
}

/** The journal, with its history and the names of hosts; what the choice of the configuration has to say comes first. */
function openRecords(
  { config: { settings, warnings, leftOut }, notes }: SelectedConfig,
  log: OwnedLog,
): AsyncDisposable & { readonly journal: Journal } {
  const names = settings.log.lookup
    ? new HostnameAnnotator({ clock: systemClock, lookUp: systemReverse })
    : undefined;
  const history = new EventHistory(runPaths(settings.paths).events, (text) => {
    log.warn(text);
  });
  const journal = new Journal(log, systemClock, { history, names });
  for (const note of notes) journal.record('configuration', note, {}, 'error');
  for (const { text, fix } of leftOut) journal.record('configuration', `${text}; ${fix}`, {}, 'error');
  for (const warning of warnings) journal.record('configuration', warning, {}, 'warn');
  const close = async (): Promise<void> => {
    journal.tellUntold();
    names?.close();
    await within(systemClock, CLOSE_MS, history.close());
  };
  return { journal, [Symbol.asyncDispose]: close };
}

async function reloadBySignal(control: RequestHandler, journal: Journal, doors: string): Promise<void> {
  journal.line(`re-reading config file: ${doors}`);
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

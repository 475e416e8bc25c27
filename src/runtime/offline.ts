import { EXIT, KnockError } from '../base/errors.js';
import { runPaths } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import { openIpset } from '../firewall/sets/ipset.js';
import { SetStore } from '../firewall/sets/set-store.js';
import type { SetSpec } from '../firewall/sets/set-specs.js';
import { systemClock, within } from '../system/clock.js';
import { systemExec } from '../system/exec.js';
import { makePrivateFolder, removeAbandoned, removeFile } from '../system/files.js';
import type { Log } from '../system/log.js';
import { systemResolver } from '../system/resolver.js';
import { requireTool } from '../system/tools.js';
import type { Reply, Request } from '../wire/control.js';
import type { ServiceReport } from '../wire/reports.js';
import type { EntryPersistence } from './entries/entry-persistence.js';
import { EventHistory } from './journal/event-history.js';
import { Journal } from './journal/journal.js';
import { ActiveGeneration } from './generation/active-generation.js';
import { applyGeneration } from './generation/apply.js';
import { isActive } from './generation/inventory-record.js';
import { uninstall } from './generation/prune.js';
import type { PendingStops } from './doors/pending-stops.js';
import { finishStops } from './doors/finish-stops.js';
import { RunningAlready, acquireLock } from './instance-lock.js';
import { Shell } from './doors/shell.js';
import { reportServices } from './service-report.js';
import { dispatch, isListRequest } from './access/dispatch.js';
import { makePersistentState, makeGeneration, type Generation } from './generation/generation.js';

/** Makes sets that are missing where there is no configuration to say what was in them. Gives their names. */
export async function provideEmptySets(specs: readonly SetSpec[]): Promise<string[]> {
  const sets = new SetStore(openIpset(systemExec, requireTool));
  try {
    return await sets.provide(specs);
  } finally {
    await sets.close();
  }
}

/** Whoever gives a command waits for name servers so long. */
const NAMES_MS = 2_000;

/** What a job works with besides the generation. */
interface Tools {
  readonly stops: PendingStops;
  readonly entries: EntryPersistence;
  readonly shell: Shell;
  readonly journal: Journal;
  /** Errors that a supervisor would log: a command that acts on the kernel itself has no log, and says them. */
  readonly faults: string[];
}

type Act<T> = (generation: Generation, tools: Tools) => Promise<T>;

/** What commands do with the kernel while no supervisor runs. Each opens and closes what it needs. */
export class OfflineControl {
  readonly #config: Config;

  constructor(config: Config) {
    this.#config = config;
  }

  /** Carries a verb out on the kernel's sets. */
  async answer(request: Request): Promise<Reply> {
    if (!isListRequest(request)) {
      throw new KnockError(`${request.verb} needs a running supervisor`, { hint: 'knockctl start' });
    }
    const faults: string[] = [];
    const reply = await this.#with(
      async (generation) => dispatch(generation.verbs, request, { kind: 'admin', label: 'cli' }),
      faults,
    );
    const notes = faults.map((text) => ({ level: 'note', text }) as const);
    return notes.length === 0 ? reply : { ...reply, remarks: [...reply.remarks, ...notes] };
  }

  /** Builds sets, chains and jump, and fills the trusted list; feeds nothing. */
  async setup(): Promise<ServiceReport[]> {
    return this.#locked(async (generation, { journal }) => {
      const { inventory, snapshots } = runPaths(this.#config.settings.paths);
      const { firewall, trusted } = generation;
      await applyGeneration(generation, 'setup', {
        places: { inventory, snapshots, supervised: false },
        adopted: await isActive(firewall, inventory),
        clock: systemClock,
        journal,
        resolve: async () => {
          await within(systemClock, NAMES_MS, trusted.refresh());
          trusted.retire(); // a supervisor looks up the others
        },
      });
      return reportServices(firewall);
    });
  }

  /** Makes the sets that saved rules name, so that these can be loaded; builds no rule. Gives their names. */
  async provideSets(specs: readonly SetSpec[]): Promise<string[]> {
    // Without the lock: a supervisor that runs has them all.
    return this.#with(async ({ firewall }) => {
      const ours = new Map(firewall.doors.sets.map((spec) => [spec.name, spec]));
      return firewall.sets.provide(specs.map((spec) => ours.get(spec.name) ?? spec));
    });
  }

  /** Takes everything of ours out of the kernel. Gives what had to be left, and why. */
  async clear(): Promise<string[]> {
    return this.#locked(async (generation, { stops, entries, shell, journal, faults }) => {
      // Doors that a supervisor which died has left open.
      stops.resume();
      await finishStops(stops, shell, systemClock);
      const services = generation.config.settings.services.map(({ name }) => name);
      if (services.length > 0) await entries.end(services, false);
      if (stops.count > 0) faults.push(`${stops.count} stop commands of doors did not end in time`);
      const left = await uninstall(generation.firewall, runPaths(this.#config.settings.paths), journal);
      this.#removeTraces();
      return [...faults, ...left];
    });
  }

  /** Files that a supervisor removes when it ends, and that one which was killed has left. */
  #removeTraces(): void {
    const { paths } = this.#config.settings;
    const { socket, supervisor, listener, entries, trustedEntries } = runPaths(paths);
    for (const file of [socket, supervisor, listener, paths.pidFile]) removeFile(file);
    for (const folder of [paths.run, paths.state, entries, trustedEntries]) removeAbandoned(folder);
  }

  /** What the kernel holds of each service. */
  async report(): Promise<ServiceReport[]> {
    return this.#with(async (generation) => reportServices(generation.firewall));
  }

  async #locked<T>(act: Act<T>): Promise<T> {
    const { run, state } = this.#config.settings.paths;
    makePrivateFolder(run);
    makePrivateFolder(state);
    const lock = await acquireLock(runPaths(this.#config.settings.paths)).catch((error: unknown) => {
      if (!(error instanceof RunningAlready)) throw error;
      const hint = 'knockctl status tells how it is';
      throw new KnockError('a supervisor is running', { exitCode: EXIT.busy, hint });
    });
    try {
      return await this.#with(act);
    } finally {
      lock[Symbol.dispose]();
    }
  }

  /** `faults` gets what a supervisor would log as an error, to the very end. */
  async #with<T>(act: Act<T>, faults: string[] = []): Promise<T> {
    const paths = runPaths(this.#config.settings.paths);
    const log = errorLog(faults);
    const history = new EventHistory(paths.events, (text) => {
      log.error(text);
    });
    const journal = new Journal(log, systemClock, { history });
    const shell = new Shell();
    const active = new ActiveGeneration();
    const persistent = makePersistentState(paths, { clock: systemClock, journal }, active);
    const generation = await makeGeneration(this.#config, {
      exec: systemExec,
      clock: systemClock,
      resolver: systemResolver,
      journal,
      shell,
      ...persistent,
    });
    active.swap(generation);
    try {
      return await act(generation, { ...persistent, shell, journal, faults });
    } finally {
      await persistent.entries.finish();
      await history.close();
      await generation.firewall.sets.close();
    }
  }
}

/** A log that keeps its errors, and nothing else. */
function errorLog(errors: string[]): Log {
  const silent = (): void => undefined;
  return { error: (text) => errors.push(text), warn: silent, info: silent, debug: silent };
}

import { EXIT, KnockError } from '../base/errors.js';
import { runPaths } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import { systemClock } from '../system/clock.js';
import { systemExec } from '../system/exec.js';
import { makePrivateFolder } from '../system/files.js';
import { takeLock } from '../system/lock.js';
import type { Log } from '../system/log.js';
import { systemResolver } from '../system/resolver.js';
import type { Reply, Request } from '../wire/control.js';
import { Journal } from './journal.js';
import { clear, isInForce, settle } from './kernel-life.js';
import { Shell } from './shell.js';
import type { ServiceReport } from '../wire/reports.js';
import { reportServices } from './status.js';
import { carryOut, isListRequest } from './verbs/table.js';
import { makeWorld, type World } from './world.js';

/** A command that acts on the kernel itself has no log: what it does, it says. */
const SILENT: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};

/** What commands do with the kernel while no supervisor runs. Each opens and closes what it needs. */
export class Direct {
  readonly #config: Config;

  constructor(config: Config) {
    this.#config = config;
  }

  /** Carries a verb out on the kernel's sets. */
  async answer(request: Request): Promise<Reply> {
    if (!isListRequest(request)) {
      throw new KnockError(`${request.verb} needs a running supervisor`, { hint: 'knockctl start' });
    }
    return this.#with(async (world) => carryOut(world.verbs, request, { kind: 'admin', label: 'cli' }));
  }

  /** Builds sets, chains and jump, and fills the trusted list; feeds nothing. */
  async setup(): Promise<ServiceReport[]> {
    return this.#locked(async (world) => {
      const { paths } = this.#config.settings;
      const places = { runFolder: paths.run, snapshots: runPaths(paths).snapshots, supervised: false };
      const adopted = await isInForce(world.firewall);
      await settle(world.firewall, adopted, places, new Journal(SILENT, systemClock), systemClock.wall());
      await world.trusted.refresh();
      await world.firewall.repair();
      return reportServices(world.firewall);
    });
  }

  /** Takes everything of ours out of the kernel. Gives what had to be left, and why. */
  async clear(): Promise<string[]> {
    return this.#locked(async (world) => clear(world.firewall, this.#config.settings.paths.run));
  }

  /** What the kernel holds of each service. */
  async report(): Promise<ServiceReport[]> {
    return this.#with(async (world) => reportServices(world.firewall));
  }

  async #locked<T>(act: (world: World) => Promise<T>): Promise<T> {
    const { run, state } = this.#config.settings.paths;
    makePrivateFolder(run);
    makePrivateFolder(state);
    using lock = await takeLock(runPaths(this.#config.settings.paths).lock);
    if (lock === undefined) {
      throw new KnockError('a supervisor is running', {
        exitCode: EXIT.busy,
        hint: 'knockctl status tells how it is',
      });
    }
    return await this.#with(act);
  }

  async #with<T>(act: (world: World) => Promise<T>): Promise<T> {
    const world = await makeWorld(this.#config, {
      exec: systemExec,
      clock: systemClock,
      resolver: systemResolver,
      journal: new Journal(SILENT, systemClock),
      shell: new Shell(),
    });
    try {
      return await act(world);
    } finally {
      await world.firewall.sets.close();
    }
  }
}

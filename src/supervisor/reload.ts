import { EXIT, KnockError } from '../base/errors.js';
import type { RunPaths } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import type { Engine } from './engine.js';
import { kernelPlaces, settle } from './kernel-life.js';
import type { ListenerKeeper } from './listener-keeper.js';
import { feeds } from './machine.js';
import type { Rhythm } from './rhythm.js';
import { listenOrder, makeWorld, type Lasting, type World, type WorldParts } from './world.js';

export interface ReloadParts extends WorldParts {
  readonly paths: RunPaths;
  readonly lasting: Lasting;
  readonly engine: Engine;
  readonly rhythm: Rhythm;
  readonly listener: ListenerKeeper;
  /** The world in force, and how another one takes its place. */
  readonly world: () => World;
  readonly take: (world: World) => void;
}

/** Goes over from one configuration to another while the service is up. */
export class Reload {
  readonly #parts: ReloadParts;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
  }

  /**
   * Goes over to a new configuration, or stays with the old one as it was. A new listener is ready
   * before the old one ends; addresses that are in stay in.
   */
  async to(config: Config): Promise<void> {
    const { engine, journal, lasting, listener, paths, rhythm, clock } = this.#parts;
    this.#mayReload();
    const old = this.#parts.world();
    const fresh = await makeWorld(config, { ...this.#parts, ...lasting });
    await engine.queued(async () => {
      try {
        await fresh.firewall.prepare();
        await listener.replace(
          () => listenOrder(config, lasting.oneTime),
          () => {
            this.#parts.take(fresh);
            old.doors.tellDropped();
            old.trusted.retire();
          },
        );
      } catch (error) {
        await old.firewall.removeStrays(
          serviceNames(config).filter((name) => !serviceNames(old.config).includes(name)),
        );
        await old.firewall.repair();
        await fresh.firewall.sets.close();
        throw error;
      }
      await settle(fresh.firewall, true, kernelPlaces(config, paths), journal, clock.wall());
      await fresh.trusted.apply();
      await fresh.firewall.feed(config.settings.failsafe.switchTimeoutS);
      await fresh.firewall.repair();
      await old.firewall.sets.close();
    });
    rhythm.begin(config.settings);
    journal.record('reload', 'configuration reloaded');
  }

  #mayReload(): void {
    const { state } = this.#parts.engine.info;
    if (feeds(state) || state === 'tripped') return;
    throw new KnockError(`cannot reload while ${state}`, {
      exitCode: EXIT.busy,
      hint: 'try again in a moment',
    });
  }
}

function serviceNames(config: Config): string[] {
  return config.settings.services.map((service) => service.name);
}

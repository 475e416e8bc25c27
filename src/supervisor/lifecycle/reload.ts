import { EXIT, KnockError } from '../../base/errors.js';
import type { RunPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import type { Firewall } from '../../firewall/firewall.js';
import type { Template } from '../../firewall/rules/template.js';
import type { FailsafeController } from '../failsafe/controller.js';
import { refuseMissing } from '../failsafe/missing-chains.js';
import { kernelPlaces, recordMadeTables, pruneOrphans, stage } from '../../runtime/generation/apply.js';
import type { ListenerSupervisor } from '../listener/listener-supervisor.js';
import { feeds } from '../failsafe/state-machine.js';
import { isFromFile } from '../../runtime/entries/trusted-sync.js';
import {
  listenerConfig,
  makeGeneration,
  type PersistentState,
  type Generation,
  type GenerationParts,
} from '../../runtime/generation/generation.js';

export interface ReloadParts extends GenerationParts {
  readonly paths: RunPaths;
  readonly persistent: PersistentState;
  readonly failsafe: FailsafeController;
  readonly listener: ListenerSupervisor;
  /** The world in force, and how another one takes its place. */
  readonly generation: () => Generation;
  readonly swap: (world: Generation) => void;
  /** Looks after a world from now on: its heartbeats, its entries, changes of its rules by others. */
  readonly onSwap: (world: Generation) => void;
}

/** A configuration to go over to. */
export interface Change {
  readonly config: Config;
  /** Instead of the rule template on disk. */
  readonly template?: Template | undefined;
  /** For so many seconds only: then the kernel goes back to the rules of now. */
  readonly trialS?: number | undefined;
}

/** Goes over from one configuration to another while the service is up. */
export class Reload {
  readonly #parts: ReloadParts;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
  }

  /**
   * Goes over to a new configuration, or stays with the old one as it was. A new listener is ready
   * before the old one ends; addresses that are in stay in. Where something fails once the new listener
   * has taken over, the new configuration stays, and the health check goes on with it.
   */
  async to({ config, template, trialS }: Change): Promise<void> {
    const { failsafe: engine, journal, persistent: lasting, listener, paths, clock } = this.#parts;
    this.#mayReload();
    const old = this.#parts.generation();
    const before = trialS === undefined ? undefined : old.firewall.version;
    const fresh = await makeGeneration(config, { ...this.#parts, ...lasting }, { template, before });
    const { firewall } = fresh;
    const build = async (): Promise<unknown> =>
      stage(firewall, true, kernelPlaces(config, paths), journal, clock);
    await engine.queued(async () => {
      try {
        if (firewall.trial === undefined) {
          await recordMadeTables(firewall, config.settings.paths.run);
          await firewall.prepare();
        } else {
          await build(); // what this makes meets no packet yet, and is noted before it is made
          await firewall.trial.reset();
          await firewall.trial.copyTrusted(isFromFile);
        }
        refuseMissing(firewall.missingParentChains);
        await listener.replace(
          () => listenerConfig(config, lasting.oneTime, firewall.trial !== undefined),
          () => {
            this.#parts.swap(fresh);
            old.doors.tellDropped();
            old.trusted.retire();
          },
        );
      } catch (error) {
        await rollback(old.firewall, firewall);
        throw error;
      }
      if (firewall.trial === undefined) await build();
      await fresh.trusted.apply();
      await firewall.feed(config.settings.failsafe.switchTimeoutS);
      await firewall.repair();
      // Both versions are in, and the old one is in force: now the new one, in one step.
      if (trialS !== undefined) await firewall.trial?.begin(trialS);
      else await pruneOrphans(firewall, config.settings.paths.run, journal);
      await old.firewall.sets.close();
    });
    this.#parts.onSwap(fresh);
    journal.record('reload', 'configuration reloaded');
  }

  #mayReload(): void {
    const { state } = this.#parts.failsafe;
    if (feeds(state) || state === 'tripped') return;
    throw new KnockError(`cannot reload while ${state}`, {
      exitCode: EXIT.busy,
      hint: 'try again in a moment',
    });
  }
}

/** Takes out what was built of another configuration. */
async function rollback(old: Firewall, fresh: Firewall): Promise<void> {
  old.recordOrphans(fresh.trial?.chains ?? [], fresh.names);
  await old.repair();
  await fresh.sets.close();
}

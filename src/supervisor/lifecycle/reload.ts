import { EXIT, KnockError } from '../../base/errors.js';
import type { RunPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import type { Firewall } from '../../firewall/firewall.js';
import type { Template } from '../../firewall/rules/template.js';
import type { FailsafeController } from '../failsafe/controller.js';
import { applyGeneration } from '../../runtime/generation/apply.js';
import type { ActiveGeneration } from '../../runtime/generation/active-generation.js';
import { kernelPlaces, type KernelPlaces } from '../../runtime/generation/inventory-record.js';
import { pruneOrphans } from '../../runtime/generation/prune.js';
import type { Journal } from '../../runtime/journal/journal.js';
import type { SerialQueue } from '../../base/serial-queue.js';
import type { ListenerSupervisor } from '../listener/listener-supervisor.js';
import { feeds } from '../failsafe/state-machine.js';
import {
  listenerConfig,
  makeGeneration,
  type PersistentState,
  type Generation,
  type GenerationParts,
} from '../../runtime/generation/generation.js';

interface ReloadParts extends GenerationParts {
  readonly paths: RunPaths;
  readonly persistent: PersistentState;
  readonly failsafe: Pick<FailsafeController, 'state'>;
  readonly queue: SerialQueue;
  readonly listener: Pick<ListenerSupervisor, 'replace'>;
  readonly active: ActiveGeneration;
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
    const { active, journal, persistent, paths, clock, queue } = this.#parts;
    this.#mayReload();
    const old = active.current;
    const before = trialS === undefined ? undefined : old.firewall.version;
    const fresh = await makeGeneration(config, { ...this.#parts, ...persistent }, { template, before });
    const places = kernelPlaces(paths);
    const handOver = async (): Promise<void> => this.#handOver(old, fresh);
    await queue.run(async () => {
      try {
        const mode = trialS === undefined ? 'replace' : 'candidate';
        await applyGeneration(fresh, mode, { places, journal, clock, trialS, handOver });
      } catch (error) {
        if (active.current === old) await rollback(old.firewall, fresh.firewall, places, journal);
        throw error;
      }
      await old.firewall.sets.close();
    });
    active.applied();
    journal.record('reload', 'configuration reloaded');
  }

  /** A new listener takes over, and in the same moment the new generation. */
  async #handOver(old: Generation, fresh: Generation): Promise<void> {
    const { active, listener, persistent } = this.#parts;
    await listener.replace(
      () => listenerConfig(fresh.config, persistent.oneTime, fresh.firewall.trial !== undefined),
      () => {
        active.swap(fresh);
        old.doors.tellDropped();
        old.trusted.retire();
      },
    );
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
async function rollback(
  old: Firewall,
  fresh: Firewall,
  { inventory }: KernelPlaces,
  journal: Pick<Journal, 'record'>,
): Promise<void> {
  old.recordOrphans(fresh.trial?.chains ?? [], fresh.names);
  await old.repair();
  await pruneOrphans(old, inventory, journal);
  await fresh.sets.close();
}

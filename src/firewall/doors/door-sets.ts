import { isSameKind, replaceable, setFaults } from '../sets.js';
import type { SetStore } from '../set-store.js';
import { strayDoorSets, type KernelDoors } from './kernel-doors.js';

/** The sets in which the kernel notes how far somebody has come at a door. What they hold is nobody's to keep. */
export class DoorSets {
  readonly #store: Pick<SetStore, 'headers' | 'batch'>;

  constructor(store: Pick<SetStore, 'headers' | 'batch'>) {
    this.#store = store;
  }

  /** Makes those that are missing, or of another kind. Gives what was wrong. */
  async ensure({ sets }: KernelDoors): Promise<string[]> {
    if (sets.length === 0) return [];
    const existing = await this.#store.headers();
    const lines = sets.flatMap((spec) => {
      const header = existing.get(spec.name);
      if (header !== undefined && isSameKind(spec, header)) return [];
      const first = header === undefined ? [] : [replaceable(spec, header)];
      return [...first, `create ${spec.name} ${spec.create}`];
    });
    if (lines.length > 0) await this.#store.batch(lines);
    return setFaults(sets, existing);
  }

  /** Takes out the sets of these instances, but for those that are wanted, or that a rule still names. */
  async drop(instances: readonly string[], wanted?: KernelDoors): Promise<void> {
    const existing = await this.#store.headers();
    const names = new Set(wanted?.sets.map(({ name }) => name));
    const stray = strayDoorSets(existing, instances, names);
    const free = stray.filter((name) => existing.get(name)?.references === 0);
    if (free.length > 0) await this.#store.batch(free.map((name) => `destroy ${name}`));
  }
}

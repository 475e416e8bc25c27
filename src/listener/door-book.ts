import type { Door, Step } from '../knock/door.js';
import type { ListenerConfig, OneTimeSequence } from '../wire/listener.js';

type Doors = Pick<ListenerConfig, 'doors' | 'oneTime'>;

/**
 * The doors as they are to be recognised now. One that has one-time sequences goes on to its next one in the moment in
 * which one was used, without asking anybody: who overheard the packets has nothing that he could send again.
 */
export class DoorRegistry {
  readonly #doors: Map<number, Door>;
  readonly #left = new Map<number, OneTimeSequence[]>();

  constructor({ doors, oneTime }: Doors) {
    this.#doors = new Map(doors.map((door) => [door.id, door]));
    for (const { door, sequences } of oneTime) this.#left.set(door, [...sequences]);
  }

  get doors(): readonly Door[] {
    return [...this.#doors.values()];
  }

  isOneTime(door: number): boolean {
    return this.#left.has(door);
  }

  /** Crosses out the current sequence of a door: gives its id. Without a further one the door is gone. */
  use(id: number): number | undefined {
    const left = this.#left.get(id);
    const used = left?.shift();
    const [next] = left ?? [];
    const door = this.#doors.get(id);
    if (door === undefined || next === undefined) this.#doors.delete(id);
    else this.#doors.set(id, { ...door, sequence: next.sequence });
    return used?.id;
  }
}

/**
 * Every sequence that may have to be heard, as a door: the capture is opened once, as root, and must let the ports of
 * later sequences pass too.
 */
export function doorsToHear({ doors, oneTime }: Doors): Door[] {
  const later = new Map(oneTime.map(({ door, sequences }) => [door, sequences]));
  return doors.flatMap((door): Door[] => [
    door,
    ...(later.get(door.id) ?? []).map(({ sequence }: { sequence: readonly Step[] }) => ({
      ...door,
      sequence,
    })),
  ]);
}

import type { Door, Step } from '../knock/door.js';
import type { ListenerConfig, OneTimeSequence } from '../wire/listener.js';

type Doors = Pick<ListenerConfig, 'doors' | 'oneTime'>;

/**
 * The doors to recognise now. A door with one-time sequences moves to its next one as soon as one is used, without
 * asking the supervisor: an eavesdropper has nothing to replay.
 */
export class DoorRegistry {
  readonly #doors: Map<number, Door>;
  readonly #remaining = new Map<number, OneTimeSequence[]>();

  constructor({ doors, oneTime }: Doors) {
    this.#doors = new Map(doors.map((door) => [door.id, door]));
    for (const { door, sequences } of oneTime) this.#remaining.set(door, [...sequences]);
  }

  get doors(): readonly Door[] {
    return [...this.#doors.values()];
  }

  isOneTime(door: number): boolean {
    return this.#remaining.has(door);
  }

  /** Uses up the current sequence of a door, and returns its id. Without a further one the door is removed. */
  useSequence(id: number): number | undefined {
    const left = this.#remaining.get(id);
    const used = left?.shift();
    const [next] = left ?? [];
    const door = this.#doors.get(id);
    if (door === undefined || next === undefined) this.#doors.delete(id);
    else this.#doors.set(id, { ...door, sequence: next.sequence });
    return used?.id;
  }
}

/**
 * Returns every sequence that may be needed, as a door: the capture is opened once, as root, and must also pass the
 * ports of later sequences.
 */
export function allSequences({ doors, oneTime }: Doors): Door[] {
  const later = new Map(oneTime.map(({ door, sequences }) => [door, sequences]));
  return doors.flatMap((door): Door[] => [
    door,
    ...(later.get(door.id) ?? []).map(({ sequence }: { sequence: readonly Step[] }) => ({
      ...door,
      sequence,
    })),
  ]);
}

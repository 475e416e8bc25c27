import { parseAddress, type Network } from '../base/address.js';
import { exhausted } from '../config/one-time.js';
import type { DoorCommand, DoorSettings, Settings } from '../config/settings.js';
import type { Clock } from '../system/clock.js';
import { DoorCommands, type DoorCommandsParts } from './door-commands.js';
import { DropNotice } from './drop-notice.js';
import type { OneTimeKeeper } from './one-time-keeper.js';
import type { PendingStops, Stop } from './pending-stops.js';
import { Turns } from './turns.js';

export interface DoorKeeperParts extends DoorCommandsParts {
  readonly clock: Clock;
  readonly repeat: Settings['listener']['repeat'];
  readonly stops: PendingStops;
  readonly oneTime: OneTimeKeeper;
}

/**
 * What happens at a knock: the door's commands for the family that knocked. Log lines are knockd's, so
 * that log readers go on working.
 */
export class DoorKeeper {
  readonly #parts: DoorKeeperParts;
  readonly #doors: ReadonlyMap<number, DoorSettings>;
  readonly #commands: DoorCommands;
  readonly #dropped: DropNotice;
  /**
   * Verbs for one source keep the order of its knocks: a flush that overtook the accept before it would find nothing, since
   * the kernel has carried both out already, and the accept would then let in whoever had shut the door.
   */
  readonly #turns = new Turns();

  constructor(doors: readonly DoorSettings[], parts: DoorKeeperParts) {
    this.#parts = parts;
    this.#doors = new Map(doors.map((door) => [door.door.id, door]));
    this.#commands = new DoorCommands(parts);
    this.#dropped = new DropNotice(parts.clock, (count) => {
      const text = `${count} start commands were dropped: too many knocks in a short time`;
      parts.journal.record('command', text, { count }, 'error');
    });
  }

  /** The name of a door, or undefined where the listener names one that does not exist. */
  nameOf(door: number): string | undefined {
    return this.#doors.get(door)?.door.name;
  }

  /** True where a sound listener can say this: a one-time door is opened by a sequence that has not been used, others by none. */
  isPossible(id: number, sequence: number | undefined): boolean {
    const path = this.#doors.get(id)?.oneTime?.path;
    if (path === undefined || sequence === undefined) return path === sequence;
    return this.#parts.oneTime.isOpen(path, sequence);
  }

  /** An address completed a door, by this sequence of a one-time door. Returns once the start command has ended. */
  async knock(id: number, address: string, sequence?: number): Promise<void> {
    const settings = this.#doors.get(id);
    const source = parseAddress(address);
    if (settings === undefined || !source.ok) return;
    const { name } = settings.door;
    this.#parts.journal.record('knock', `${source.value.text}: ${name}: OPEN SESAME`, {
      door: name,
      address: source.value.text,
    });
    if (sequence !== undefined && !this.#useUp(settings, sequence, source.value)) return;
    const { start, stop } = settings.actions[source.value.family];
    if (start === undefined) return;
    const act = async (): Promise<void> => {
      if (stop === undefined) await this.#start(name, start, source.value);
      else {
        const closing = { door: name, source: source.value, command: stop, timeoutMs: settings.cmdTimeoutMs };
        await this.#openAndClose(start, closing);
      }
    };
    if (start.kind === 'verb') await this.#turns.take(source.value.text, act);
    else await act();
  }

  /** A stop command whose time has come. False where it could not be begun. */
  async stop({ door, source, command }: Stop): Promise<boolean> {
    this.#parts.journal.record('knock', `${source.text}: ${door}: command timeout`, {
      door,
      address: source.text,
    });
    const act = async (): Promise<boolean> => this.#commands.perform(door, command, source, 'stop');
    return command.kind === 'verb' ? this.#turns.take(source.text, act) : act();
  }

  /** Says in the log what it has not said yet. */
  tellDropped(): void {
    this.#dropped.tell();
  }

  async #openAndClose(start: DoorCommand, stop: Stop): Promise<void> {
    const { repeat, stops } = this.#parts;
    if (repeat === 'extend' && stops.extend(stop)) {
      // The entry of a verb has a time of its own, which begins anew by the verb alone.
      if (start.kind === 'verb') await this.#start(stop.door, start, stop.source);
      return;
    }
    const noted = stops.add(stop);
    if (noted === undefined) {
      this.#dropped.add();
      return;
    }
    await stops.noted();
    if (await this.#start(stop.door, start, stop.source)) noted.started();
    else noted.forget();
  }

  /** Carries a start command out to its end. False where it was never begun. */
  async #start(door: string, start: DoorCommand, source: Network): Promise<boolean> {
    if (this.#commands.hasRoom(start, 'start')) return this.#commands.perform(door, start, source, 'start');
    this.#dropped.add();
    return false;
  }

  /** Marks a one-time sequence as used. False where that failed: then it must not open anything. */
  #useUp({ door: { name }, oneTime }: DoorSettings, sequence: number, { text: address }: Network): boolean {
    if (oneTime === undefined) return false;
    const { journal } = this.#parts;
    const used = this.#parts.oneTime.use(oneTime.path, sequence);
    if (!used.ok) {
      const text = `${name}: the command is not run: ${used.reason}; put a # in front of the line, or it counts again after a restart`;
      journal.record('door', text, { door: name, address }, 'error');
      return false;
    }
    const { line, left } = used.value;
    journal.record('door', `${name}: sequence in line ${line} of ${oneTime.path} used, ${left} left`, {
      door: name,
      address,
      left,
    });
    if (left === 0) journal.record('door', exhausted(name), { door: name, address });
    return true;
  }
}

import { parseAddress, type Family, type Network } from '../../base/address.js';
import { impossibleHere } from '../../base/impossible.js';
import { exhausted } from '../../config/knockd/one-time.js';
import type { DoorCommand, DoorSettings, Settings } from '../../config/settings.js';
import { stopTime } from '../../firewall/doors/times.js';
import type { Clock } from '../../system/clock.js';
import { CommandRunner, type CommandRunnerParts, type Occasion } from './command-runner.js';
import { CountedWarning } from '../journal/counted-warning.js';
import { BanLogBudget } from '../journal/ban-budget.js';
import type { OneTimeLedger } from './one-time-ledger.js';
import type { PendingStops, Stop } from './pending-stops.js';
import { KeyedMutex } from '../../base/keyed-mutex.js';

interface KnockHandlerParts extends CommandRunnerParts {
  readonly clock: Clock;
  readonly repeat: Settings['listener']['repeat'];
  readonly stops: PendingStops;
  readonly oneTime: OneTimeLedger;
  /** Whether the kernel carries out a door by itself. By default, it does not. */
  readonly inKernel?: (door: number, family: Family) => boolean;
}

/**
 * What happens at a knock: the door's commands for the family that knocked. Log lines are knockd's, so
 * that log readers go on working.
 */
export class KnockHandler {
  readonly #parts: KnockHandlerParts;
  readonly #doors: ReadonlyMap<number, DoorSettings>;
  readonly #commands: CommandRunner;
  readonly #dropped: CountedWarning;
  readonly #bans: BanLogBudget;
  /**
   * Verbs for one source keep the order of its knocks: a flush that overtook the accept before it would find nothing, since
   * the kernel has carried both out already, and the accept would then let in whoever had shut the door.
   */
  readonly #turns = new KeyedMutex();

  constructor(doors: readonly DoorSettings[], parts: KnockHandlerParts) {
    this.#parts = parts;
    this.#doors = new Map(doors.map((door) => [door.door.id, door]));
    this.#commands = new CommandRunner(parts);
    this.#bans = new BanLogBudget(parts.clock, (door, count) => {
      const text = `${door}: hit ${count} times more, which is not told one by one: a scan, or a flood of forged packets`;
      parts.journal.record('knock', text, { door, count }, 'warn');
    });
    this.#dropped = new CountedWarning(parts.clock, (count) => {
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
    // The listener looks at our addresses now and then only.
    const own = this.#parts.verbs.ownSources?.() ?? [];
    if (impossibleHere(source.value, own) !== undefined) return;
    if (isBan(settings, source.value) && !this.#bans.take(name)) {
      await this.#banQuietly(settings, source.value);
      return;
    }
    this.#parts.journal.record('knock', `${source.value.text}: ${name}: OPEN SESAME`, {
      door: name,
      address: source.value.text,
      // The whole sequence; init waits for it.
      heard: true,
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
    if (start.kind === 'verb') await this.#turns.run(source.value.text, act);
    else await act();
  }

  /** A stop command whose time has come. False where it could not be begun. */
  async stop({ door, source, command }: Stop): Promise<boolean> {
    this.#parts.journal.record('knock', `${source.text}: ${door}: command timeout`, {
      door,
      address: source.text,
    });
    const act = async (): Promise<boolean> =>
      this.#commands.perform(door, command, source, { priority: 'stop' });
    return command.kind === 'verb' ? this.#turns.run(source.text, act) : act();
  }

  /** Says in the log what it has not said yet. */
  tellDropped(): void {
    this.#dropped.flush();
    this.#bans.flush();
  }

  async #openAndClose(start: DoorCommand, stop: Stop): Promise<void> {
    const { repeat, stops } = this.#parts;
    if (repeat === 'extend' && stops.extend(stop)) {
      // The entry of a verb has a time of its own, which begins anew by the verb alone.
      if (start.kind === 'verb') await this.#start(stop.door, start, stop.source, endOf(stop));
      return;
    }
    const noted = stops.add(stop);
    if (noted === undefined) {
      this.#dropped.add();
      return;
    }
    await stops.noted();
    if (await this.#start(stop.door, start, stop.source, endOf(stop))) noted.started();
    else noted.forget();
  }

  /** A scan, or a flood of forged packets: it bans as ever, where the kernel has not done so already, and is told as a number. */
  async #banQuietly(settings: DoorSettings, source: Network): Promise<void> {
    const { door, actions, cmdTimeoutMs } = settings;
    const { start, stop } = actions[source.family];
    if (start?.kind !== 'verb' || this.#parts.inKernel?.(door.id, source.family) === true) return;
    const end = stop === undefined ? {} : endOf({ command: stop, timeoutMs: cmdTimeoutMs });
    const act = async (): Promise<void> => this.#commands.quietly(door.name, start, source, end);
    await this.#turns.run(source.text, act);
  }

  /** Carries a start command out to its end. False where it was never begun. */
  async #start(
    door: string,
    start: DoorCommand,
    source: Network,
    end: Pick<Occasion, 'endsS'> = {},
  ): Promise<boolean> {
    if (this.#commands.hasRoom(start, 'start')) {
      return this.#commands.perform(door, start, source, { priority: 'start', ...end });
    }
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

/** When a stop command ends a ban: a door takes nobody out of the list of the banned, the entry's own time does. */
function endOf({ command, timeoutMs }: Pick<Stop, 'command' | 'timeoutMs'>): Pick<Occasion, 'endsS'> {
  return command.kind === 'verb' && command.verb === 'flush' ? { endsS: stopTime(timeoutMs) } : {};
}

/** Whether a knock at a door bans its source, and does nothing else. A stop command that does more than end the ban is kept. */
function isBan({ actions }: DoorSettings, { family }: Network): boolean {
  const { start, stop } = actions[family];
  const ends = stop === undefined || (stop.kind === 'verb' && stop.verb === 'flush');
  return start?.kind === 'verb' && start.verb === 'drop' && ends;
}

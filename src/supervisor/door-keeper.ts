import { parseAddress, type Network } from '../base/address.js';
import { errorText } from '../base/errors.js';
import { expandCommand } from '../config/commands.js';
import type { DoorCommand, DoorSettings, VerbCommand } from '../config/settings.js';
import type { Clock, Timer } from '../system/clock.js';
import type { Request } from '../wire/control.js';
import type { Journal } from './journal.js';
import type { Shell } from './shell.js';
import { carryOut, isListRequest } from './verbs/table.js';
import type { VerbContext } from './verbs/context.js';

export interface DoorKeeperParts {
  readonly journal: Pick<Journal, 'record'>;
  readonly shell: Shell;
  readonly clock: Clock;
  readonly verbs: VerbContext;
}

/** A stop command that waits for its time. */
interface PendingStop {
  readonly timer: Timer;
  readonly run: () => Promise<void>;
}

/**
 * What happens at a knock: the door's commands for the family that knocked. Our own verbs are
 * carried out here, others by the shell. Log lines are knockd's, so that log readers go on working.
 */
export class DoorKeeper {
  readonly #parts: DoorKeeperParts;
  readonly #doors: ReadonlyMap<number, DoorSettings>;
  #stops = new Set<PendingStop>();

  constructor(doors: readonly DoorSettings[], parts: DoorKeeperParts) {
    this.#parts = parts;
    this.#doors = new Map(doors.map((door) => [door.door.id, door]));
  }

  /** The name of a door, or undefined where the listener names one that does not exist. */
  nameOf(door: number): string | undefined {
    return this.#doors.get(door)?.door.name;
  }

  /** An address completed a door. Returns once the start command is under way. */
  async knock(id: number, address: string): Promise<void> {
    const settings = this.#doors.get(id);
    const parsed = parseAddress(address);
    if (settings === undefined || !parsed.ok) return;
    const source = parsed.value;
    const { name } = settings.door;
    const { start, stop } = settings.actions[source.family];
    this.#parts.journal.record('knock', `${source.text}: ${name}: OPEN SESAME`, {
      door: name,
      address: source.text,
    });
    if (start === undefined) return;
    await this.#perform(name, start, source);
    if (stop !== undefined) this.#later(settings, stop, source);
  }

  /** Stop commands that have not run yet. */
  get pendingStops(): number {
    return this.#stops.size;
  }

  /** Stop commands that wait since before a reload are ours now: they come at their time, or when we end. */
  takeOver(earlier: DoorKeeper): void {
    this.#stops = earlier.#stops;
  }

  /** Runs the stop commands that wait, now: a door must not stay open because we end. */
  async closeDoors(): Promise<void> {
    await Promise.all([...this.#stops].map(async (stop) => stop.run()));
  }

  #later(settings: DoorSettings, stop: DoorCommand, source: Network): void {
    const { name } = settings.door;
    const run = async (): Promise<void> => {
      if (!this.#stops.delete(pending)) return;
      pending.timer[Symbol.dispose]();
      this.#parts.journal.record('knock', `${source.text}: ${name}: command timeout`, { door: name });
      await this.#perform(name, stop, source);
    };
    const timer = this.#parts.clock.after(settings.cmdTimeoutMs, () => void run());
    const pending: PendingStop = { timer, run };
    this.#stops.add(pending);
  }

  /** Carries a command out to its end; what fails is logged, and stops nothing else. */
  async #perform(door: string, command: DoorCommand, source: Network): Promise<void> {
    const line = expandCommand(command.line, source.text);
    this.#parts.journal.record('command', `${door}: running command: ${line}`, { door });
    try {
      if (command.kind === 'verb') await this.#verb(door, command, source);
      else await this.#shell(door, line);
    } catch (error) {
      this.#parts.journal.record('command', `${door}: ${line}: ${errorText(error)}`, { door }, 'error');
    }
  }

  async #shell(door: string, line: string): Promise<void> {
    const result = await this.#parts.shell.run(line);
    if ('failed' in result) {
      this.#parts.journal.record('command', `${door}: ${line}: ${result.failed}`, { door }, 'error');
    } else if (result.status !== 0) {
      const text = `${door}: command returned non-zero status code (${result.status})`;
      this.#parts.journal.record('command', text, { door });
    }
  }

  async #verb(door: string, command: VerbCommand, source: Network): Promise<void> {
    const request = requestOf(command, source.text);
    if (!isListRequest(request)) return;
    const reply = await carryOut(this.#parts.verbs, request, { kind: 'door', label: `door ${door}` });
    for (const remark of reply.remarks) {
      if (remark.level !== 'error') continue;
      this.#parts.journal.record(
        'command',
        `${door}: ${command.verb} refused: ${remark.text}`,
        { door },
        'warn',
      );
    }
  }
}

function requestOf(command: VerbCommand, address: string): Request {
  const targets = [address];
  const timeout = command.timeoutS === undefined ? {} : { timeoutS: command.timeoutS };
  switch (command.verb) {
    case 'accept':
      return {
        verb: 'accept',
        targets,
        ...timeout,
        ...(command.service === undefined ? {} : { service: command.service }),
      };
    case 'drop':
      return { verb: 'drop', targets, ...timeout };
    case 'trust':
      return { verb: 'trust', targets };
    case 'untrust':
      return { verb: 'untrust', targets };
    case 'flush':
      return { verb: 'flush', targets };
  }
}

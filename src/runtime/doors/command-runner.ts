import type { Network } from '../../base/address.js';
import { errorText } from '../../base/errors.js';
import { expandCommand } from '../../config/knockd/commands.js';
import type { DoorCommand, VerbCommand } from '../../config/settings.js';
import type { LogFields } from '../../system/log.js';
import { takes, type DoorVerb } from '../../base/commands.js';
import type { RequestOf } from '../../wire/control.js';
import type { Journal } from '../journal/journal.js';
import type { Priority, Shell } from './shell.js';
import { dispatch } from '../access/dispatch.js';
import type { Origin, VerbContext } from '../access/context.js';

export interface CommandRunnerParts {
  readonly journal: Pick<Journal, 'record'>;
  readonly shell: Shell;
  readonly verbs: VerbContext;
}

/** Which command of a door it is. */
export interface Occasion extends Pick<Origin, 'endsS'> {
  readonly priority: Priority;
}

/** The fields of each line: whose knock it follows from. */
interface About extends LogFields {
  readonly door: string;
  readonly address: string;
}

/** Carries out the commands of doors: our own verbs here, other lines by the shell. */
export class CommandRunner {
  readonly #parts: CommandRunnerParts;

  constructor(parts: CommandRunnerParts) {
    this.#parts = parts;
  }

  /** True where a command can be begun now. */
  hasRoom(command: DoorCommand, lane: Priority): boolean {
    return command.kind === 'verb' || this.#parts.shell.hasRoom(lane);
  }

  /**
   * Carries a command out to its end; what fails is logged, and stops nothing else. False where it was
   * never begun.
   */
  async perform(
    door: string,
    command: DoorCommand,
    source: Network,
    { priority: lane, ...more }: Occasion,
  ): Promise<boolean> {
    const line = expandCommand(command.line, source.text);
    const about = { door, address: source.text };
    this.#parts.journal.record('command', `${door}: running command: ${line}`, about);
    try {
      if (command.kind === 'shell') return await this.#shell(about, line, lane);
      const origin = { kind: 'door', label: `door ${door}`, stops: lane === 'stop', ...more } as const;
      await this.#verb(about, command, source, origin);
    } catch (error) {
      this.#parts.journal.record('command', `${door}: ${line}: ${errorText(error)}`, about, 'error');
    }
    return true;
  }

  /** Carries a verb out without a word, unless it fails. */
  async quietly(
    door: string,
    command: VerbCommand,
    { text: address }: Network,
    more: Pick<Origin, 'endsS'>,
  ): Promise<void> {
    const request = requestOf(command, address);
    const silent = { ...this.#parts.verbs, record: (): void => undefined };
    try {
      await dispatch(silent, request, { kind: 'door', label: `door ${door}`, ...more });
    } catch (error) {
      const text = `${door}: ${command.line}: ${errorText(error)}`;
      this.#parts.journal.record('command', text, { door, address }, 'error');
    }
  }

  async #shell(about: About, line: string, lane: Priority): Promise<boolean> {
    const result = await this.#parts.shell.run(line, lane);
    if ('dropped' in result) return false; // told by whoever drops: many may come at once
    if ('failed' in result) {
      this.#parts.journal.record('command', `${about.door}: ${line}: ${result.failed}`, about, 'error');
      return false;
    }
    // As knockd has it: a command that a signal ends has the status 0, and a line.
    if (result.status !== 0 || result.signal !== undefined) {
      const text = `${about.door}: command returned non-zero status code (${result.status})`;
      this.#parts.journal.record('command', text, about);
    }
    return true;
  }

  async #verb(about: About, command: VerbCommand, source: Network, origin: Origin): Promise<void> {
    const request = requestOf(command, source.text);
    const { verbs } = this.#parts;
    const record: VerbContext['record'] = (kind, text, fields) => {
      verbs.record(kind, text, { ...fields, ...about });
    };
    const reply = await dispatch({ ...verbs, record }, request, origin);
    for (const remark of reply.remarks) {
      if (remark.level !== 'error') continue;
      this.#parts.journal.record(
        'command',
        `${about.door}: ${command.verb} refused: ${remark.text}`,
        about,
        'warn',
      );
    }
  }
}

function requestOf({ verb, timeoutS, service }: VerbCommand, address: string): RequestOf<DoorVerb> {
  return {
    verb,
    targets: [address],
    ...(timeoutS === undefined || !takes(verb, 'timeoutS') ? {} : { timeoutS }),
    ...(service === undefined || !takes(verb, 'service') ? {} : { service }),
  };
}

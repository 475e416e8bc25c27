import type { Network } from '../base/address.js';
import { errorText } from '../base/errors.js';
import { expandCommand } from '../config/commands.js';
import type { DoorCommand, VerbCommand } from '../config/settings.js';
import type { Request } from '../wire/control.js';
import type { Journal } from './journal.js';
import type { Lane, Shell } from './shell.js';
import { carryOut, isListRequest } from './verbs/table.js';
import type { VerbContext } from './verbs/context.js';

export interface DoorCommandsParts {
  readonly journal: Pick<Journal, 'record'>;
  readonly shell: Shell;
  readonly verbs: VerbContext;
}

/** Carries out the commands of doors: our own verbs here, other lines by the shell. */
export class DoorCommands {
  readonly #parts: DoorCommandsParts;

  constructor(parts: DoorCommandsParts) {
    this.#parts = parts;
  }

  /** True where a command can be begun now. */
  hasRoom(command: DoorCommand, lane: Lane): boolean {
    return command.kind === 'verb' || this.#parts.shell.hasRoom(lane);
  }

  /**
   * Carries a command out to its end; what fails is logged, and stops nothing else. False where it was
   * never begun.
   */
  async perform(door: string, command: DoorCommand, source: Network, lane: Lane): Promise<boolean> {
    const line = expandCommand(command.line, source.text);
    this.#parts.journal.record('command', `${door}: running command: ${line}`, { door });
    try {
      if (command.kind === 'shell') return await this.#shell(door, line, lane);
      await this.#verb(door, command, source);
    } catch (error) {
      this.#parts.journal.record('command', `${door}: ${line}: ${errorText(error)}`, { door }, 'error');
    }
    return true;
  }

  async #shell(door: string, line: string, lane: Lane): Promise<boolean> {
    const result = await this.#parts.shell.run(line, lane);
    if ('dropped' in result) return false; // told by whoever drops: many may come at once
    if ('failed' in result) {
      this.#parts.journal.record('command', `${door}: ${line}: ${result.failed}`, { door }, 'error');
      return false;
    }
    if (result.status !== 0) {
      const text = `${door}: command returned non-zero status code (${result.status})`;
      this.#parts.journal.record('command', text, { door });
    }
    return true;
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

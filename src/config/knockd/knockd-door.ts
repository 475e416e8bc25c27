import { parseAddress, quote, type Network } from '../../base/address.js';
import { MAX_TIMEOUT_S } from '../../base/limits.js';
import type { FlagFilter, Step } from '../../knock/door.js';

import { parseCommand } from './commands.js';
import { trim, type Report } from '../lines.js';
import { ANY_FLAGS, addFlags, parseSequence } from './sequence.js';
import type { DoorActions, DoorCommand, DoorSettings, OneTimeSettings } from '../settings.js';
import { absolutePath, decimal } from '../values.js';

/** knockd's defaults, in seconds (knockd(1)). */
const SEQ_TIMEOUT_S = 25;
const CMD_TIMEOUT_S = 10;
const PATH = absolutePath();

/** A door section while its lines are being read. */
export interface DoorDraft {
  readonly name: string;
  readonly line: number;
  sequence: readonly Step[];
  /** A line that gives a sequence was there, a faulty one included. */
  hasSequence: boolean;
  /** A one_time_sequences that no sequence has overridden. */
  oneTime: OneTimeSettings | undefined;
  seqTimeoutS: number;
  seqCooldownS: number;
  cmdTimeoutS: number;
  flags: FlagFilter;
  target: Network | undefined;
  /** Command lines as written; undefined: no such directive. */
  start: string | undefined;
  start6: string | undefined;
  stop: string | undefined;
  stop6: string | undefined;
}

/** Where a directive stands, and where its faults and warnings go. */
export interface Place {
  readonly line: number;
  readonly report: Report;
  readonly warn: Report;
}

type Directive = (draft: DoorDraft, value: string, place: Place) => void;

const start: Directive = (draft, value) => {
  draft.start = value;
};
const start6: Directive = (draft, value) => {
  draft.start6 = value;
};
const seqTimeout: Directive = (draft, value, place) => {
  draft.seqTimeoutS = seconds('seq_timeout', value, -MAX_TIMEOUT_S, place) ?? SEQ_TIMEOUT_S;
};

/** The directives of a door, by their names in capitals. The last of a kind wins, TCPFlags excepted. */
export const DOOR_DIRECTIVES: ReadonlyMap<string, Directive> = new Map<string, Directive>([
  ['SEQUENCE', setSequence],
  ['ONE_TIME_SEQUENCES', setOneTime],
  ['SEQ_TIMEOUT', seqTimeout],
  ['TIMEOUT', seqTimeout],
  [
    'SEQ_COOLDOWN',
    (draft, value, place) => {
      draft.seqCooldownS = seconds('seq_cooldown', value, 0, place) ?? 0;
    },
  ],
  ['START_COMMAND', start],
  ['COMMAND', start],
  ['START_COMMAND_6', start6],
  ['COMMAND_6', start6],
  [
    'STOP_COMMAND',
    (draft, value) => {
      draft.stop = value;
    },
  ],
  [
    'STOP_COMMAND_6',
    (draft, value) => {
      draft.stop6 = value;
    },
  ],
  [
    'CMD_TIMEOUT',
    (draft, value, place) => {
      draft.cmdTimeoutS = seconds('cmd_timeout', value, 0, place) ?? CMD_TIMEOUT_S;
    },
  ],
  ['TCPFLAGS', setFlags],
  ['TARGET', setTarget],
]);

export function draftDoor(name: string, line: number): DoorDraft {
  return {
    name,
    line,
    sequence: [],
    hasSequence: false,
    oneTime: undefined,
    seqTimeoutS: SEQ_TIMEOUT_S,
    seqCooldownS: 0,
    cmdTimeoutS: CMD_TIMEOUT_S,
    flags: ANY_FLAGS,
    target: undefined,
    start: undefined,
    start6: undefined,
    stop: undefined,
    stop6: undefined,
  };
}

/** The door that the draft makes; what it lacks is reported. One-time sequences are still to be read. */
export function finishDoor(draft: DoorDraft, id: number, report: Report, warn: Report): DoorSettings {
  if (!draft.hasSequence) {
    report(
      draft.line,
      `error: section '${draft.name}' has an empty knock sequence (write sequence = port[:proto],…)`,
    );
  }
  const sequence = draft.oneTime === undefined ? draft.sequence : [];
  if (draft.seqTimeoutS <= 0 && sequence.length > 1) {
    warn(draft.line, `door ${draft.name} never opens: its seq_timeout is ${draft.seqTimeoutS}`);
  }
  return {
    door: {
      id,
      name: draft.name,
      sequence,
      windowMs: draft.seqTimeoutS * 1_000,
      flags: draft.flags,
      target: draft.target,
      ...(draft.seqCooldownS === 0 ? {} : { cooldownMs: draft.seqCooldownS * 1_000 }),
    },
    line: draft.line,
    actions: {
      4: actions(draft.start, draft.stop),
      6: actions(draft.start6 ?? draft.start, draft.stop6 ?? draft.stop),
    },
    cmdTimeoutMs: draft.cmdTimeoutS * 1_000,
    oneTime: draft.oneTime,
  };
}

/** Without a start command there is no stop either: that would close what was never opened. */
function actions(startLine: string | undefined, stopLine: string | undefined): DoorActions {
  const started = command(startLine);
  return { start: started, stop: started === undefined ? undefined : command(stopLine) };
}

function command(line: string | undefined): DoorCommand | undefined {
  return line === undefined || line === '' ? undefined : parseCommand(line);
}

function setSequence(draft: DoorDraft, value: string, { line, report }: Place): void {
  const { steps, faults } = parseSequence(value);
  for (const fault of faults) report(line, `config: section ${draft.name}: ${fault}`);
  draft.sequence = steps;
  draft.hasSequence = true;
  draft.oneTime = undefined;
}

function setOneTime(draft: DoorDraft, value: string, { line, report }: Place): void {
  const path = PATH.parse(value);
  if (!path.ok) report(line, `config: section ${draft.name}: one_time_sequences: ${path.reason}`);
  draft.oneTime = path.ok ? { path: path.value, line } : undefined;
  draft.hasSequence = true;
}

function setFlags(draft: DoorDraft, value: string, { line, report }: Place): void {
  const flags = addFlags(draft.flags, value);
  if (flags.ok) draft.flags = flags.value;
  else report(line, `config: line ${line}: ${flags.reason}`);
}

function setTarget(draft: DoorDraft, value: string, { line, report }: Place): void {
  const target = parseAddress(value);
  if (target.ok) draft.target = target.value;
  else report(line, `config: section ${draft.name}: target: ${target.reason}`);
}

/** knockd would make 0 of what is no number. A comment behind a number it passes over, and so do we. */
function seconds(name: string, value: string, min: number, place: Place): number | undefined {
  const hash = value.indexOf('#');
  const read = decimal(hash === -1 ? value : trim(value.slice(0, hash)), min, MAX_TIMEOUT_S);
  if (read === undefined) {
    const right = `a whole number of seconds from ${min} to ${MAX_TIMEOUT_S} is needed`;
    place.report(place.line, `config: line ${place.line}: ${name} ${quote(value)} is invalid (${right})`);
  } else if (hash !== -1) {
    place.warn(
      place.line,
      `${name} ${quote(value)} is read as ${read}: there are no comments behind a value here, give it a line of its own`,
    );
  }
  return read;
}

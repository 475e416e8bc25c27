import { splitLines, trim, upper } from '../lines.js';

/** The commands that a door has. */
export type Slot = 'start' | 'start6' | 'stop' | 'stop6';

const SLOTS: ReadonlyMap<string, Slot> = new Map<string, Slot>([
  ['START_COMMAND', 'start'],
  ['COMMAND', 'start'],
  ['START_COMMAND_6', 'start6'],
  ['COMMAND_6', 'start6'],
  ['STOP_COMMAND', 'stop'],
  ['STOP_COMMAND_6', 'stop6'],
]);

/** A command directive as it stands in the file. */
export interface CommandLine {
  readonly number: number;
  readonly slot: Slot;
  readonly value: string;
  /** What a comment right above it has as the same command: the line that it was made from, if any. */
  readonly earlier: string | undefined;
}

/** A door's commands, in the order of the file. */
export interface DoorLines {
  readonly name: string;
  readonly commands: readonly CommandLine[];
}

/** `TCPFlags = syn`, which counts SYN-ACKs too. */
export interface FlagLine {
  readonly number: number;
}

export interface OptionLine {
  readonly number: number;
  readonly text: string;
}

/** Where in a knockd.conf without faults the commands and the options stand. */
interface Document {
  /** As parseKnockdConf has its doors, in the same order. */
  readonly doors: readonly DoorLines[];
  readonly options: readonly OptionLine[];
  readonly synAlone: readonly FlagLine[];
}

/** What becomes of a command line: a new value, or no line at all. The old one stays as a comment. */
type Edits = ReadonlyMap<number, { readonly value: string | undefined }>;

/** Finds the commands in a text that parseKnockdConf took without a fault. */
export function readDocument(text: string): Document {
  const doors: { name: string; commands: CommandLine[] }[] = [];
  const options: OptionLine[] = [];
  const synAlone: FlagLine[] = [];
  let commands: CommandLine[] | undefined;
  let above = '';
  for (const { number, text: raw } of splitLines(text, () => undefined)) {
    const line = trim(raw);
    if (line === '[options]') {
      commands = undefined;
    } else if (line.startsWith('[') && line.endsWith(']')) {
      commands = [];
      doors.push({ name: line.slice(1, -1), commands });
    } else if (line !== '' && !line.startsWith('#')) {
      if (commands !== undefined && /^TCPFLAGS\s*=\s*SYN$/.test(upper(line))) synAlone.push({ number });
      const found = commands === undefined ? undefined : readCommand(line);
      if (found !== undefined) commands?.push({ number, ...found, earlier: earlierOf(above, found.slot) });
      if (commands === undefined || upper(line) === 'USESYSLOG') options.push({ number, text: line });
    }
    above = line;
  }
  return { doors, options, synAlone };
}

function readCommand(line: string): { readonly slot: Slot; readonly value: string } | undefined {
  const equals = line.indexOf('=');
  const slot = SLOTS.get(upper(trim(line.slice(0, Math.max(equals, 0)))));
  return slot === undefined ? undefined : { slot, value: trim(line.slice(equals + 1)) };
}

function earlierOf(above: string, slot: Slot): string | undefined {
  const found = above.startsWith('#') ? readCommand(trim(above.slice(1))) : undefined;
  return found?.slot === slot ? found.value : undefined;
}

/** The text with the edits carried out; all else stays byte for byte. */
export function editDocument(text: string, edits: Edits): string {
  return text
    .split('\n')
    .flatMap((raw, index) => {
      const edit = edits.get(index + 1);
      if (edit === undefined) return [raw];
      const indent = /^[ \t\v\f\r]*/.exec(raw)?.[0] ?? '';
      const comment = `${indent}# ${raw.slice(indent.length)}`;
      return edit.value === undefined ? [comment] : [comment, withValue(raw, edit.value)];
    })
    .join('\n');
}

function withValue(raw: string, value: string): string {
  const equals = raw.indexOf('=') + 1;
  const old = raw.slice(equals);
  const start = old.indexOf(trim(old));
  return raw.slice(0, equals) + old.slice(0, start) + value + old.slice(start + trim(old).length);
}

import { posix } from 'node:path';

import { ConfigError, type ConfigFault } from '../../base/errors.js';

import { parseKnockdConf, type KnockdConf } from '../knockd/knockd-conf.js';
import { describeFormer, takenOver, type FormerOptions } from './former-options.js';
import { isUtf8, splitLines } from '../lines.js';
import { loadConfig } from '../load.js';
import { KEYS } from '../knockctl/schema.js';
import type { PortLookUp } from '../shadow.js';

import { advise, describeOption, type Note } from './advice.js';
import { decide, type Decision } from './decide.js';
import { editDocument, readDocument, type FlagLine } from './document.js';
import { readDoor } from './doors.js';
import { outcomesOf, type Outcome } from './outcome.js';
import { renderConf } from './services.js';

/** What an existing knockd set-up becomes. */
export interface ImportPlan {
  readonly knockctlConf: string;
  readonly knockdConf: string;
  /** In the order of the file; what concerns no line of it, line 0, comes last. */
  readonly notes: readonly Note[];
}

/** The plan without its notes, with what it was made from. */
interface Made extends Pick<ImportPlan, 'knockctlConf' | 'knockdConf'> {
  readonly doors: KnockdConf['doors'];
  readonly outcomes: readonly Outcome[];
}

/**
 * Plans how a knockd.conf becomes the two files that do the same through verbs. `doors` is where the new
 * knockd.conf will lie. Throws ConfigError, all faults at once, where the text is not what knockd takes.
 */
export function planImport(
  text: string,
  file: string,
  portNames: PortLookUp,
  doors: string = KEYS.doors.fallback,
  former?: FormerOptions,
): ImportPlan {
  const parsed = parseKnockdConf(text, file);
  const faults = [...parsed.faults, ...undecodable(text, file)];
  if (faults.length > 0) throw new ConfigError(faults);
  const document = readDocument(text);
  const decision = decide(
    document.doors.map((lines, index) => readDoor(lines, stopAfterS(parsed, index), portNames)),
    portNames,
  );
  if (decision.unknown.length > 0)
    throw new ConfigError(decision.unknown.map((fault) => ({ file, ...fault })));

  const outcomes = [
    ...decision.verbs.flatMap(({ line, plain }): Outcome[] =>
      plain === undefined
        ? []
        : [{ line: line.number, value: plain, text: 'by itself it is a verb: no process is started for it' }],
    ),
    ...decision.changes.flatMap((change) => outcomesOf(change, decision.services, document.doors)),
    ...document.synAlone.map(noAnswers),
  ];
  const made = {
    doors: parsed.doors,
    outcomes,
    knockctlConf: renderConf(decision.services, decision.families, doors, takenOver(former, parsed.options)),
    knockdConf: editDocument(text, new Map(outcomes.map(({ line, value }) => [line, { value }]))),
  };
  const advice = [
    ...(former === undefined ? [] : [describeFormer(former, parsed.options)]),
    ...advise(decision, (former?.options.interface ?? parsed.options.interface) !== undefined),
    ...warningsOf(made, file, doors).map((warning) => `knockctl check will say: ${warning}`),
  ];
  return {
    knockctlConf: made.knockctlConf,
    knockdConf: made.knockdConf,
    notes: [
      ...lineNotes(decision, outcomes, document.options.map(describeOption)),
      ...advice.map((line): Note => ({ line: 0, kind: 'advice', text: line })),
    ],
  };
}

/** What knockctl writes counts no SYN-ACKs: anybody can have servers elsewhere send these. */
function noAnswers({ number }: FlagLine): Outcome {
  return { line: number, value: 'syn,!ack', text: 'a SYN-ACK, the answer to a forged packet, is no knock' };
}

function stopAfterS({ doors }: KnockdConf, index: number): number {
  return (doors[index]?.cmdTimeoutMs ?? 0) / 1_000;
}

/** Bytes that are not UTF-8, in comments too: they could not be copied as they are. */
function undecodable(text: string, file: string): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const report = (line: number): void => {
    const message = 'a comment with bytes that are not UTF-8: make it UTF-8 first (iconv -f latin1 -t utf-8)';
    faults.push({ file, line, message });
  };
  for (const { number, text: line } of splitLines(text, () => undefined)) {
    if (line.trimStart().startsWith('#')) isUtf8(line, number, report);
  }
  return faults;
}

/** One note a line, in the order of the file. */
function lineNotes(
  decision: Decision,
  outcomes: readonly Outcome[],
  options: readonly Note[],
): readonly Note[] {
  const notes = new Map<number, Note>();
  const note = (line: number, kind: Note['kind'], text: string): void => {
    notes.set(line, { line, kind, text });
  };
  for (const { line } of decision.verbs)
    note(line.number, 'understood', `${line.value}: a verb already, kept`);
  for (const { line, reason } of decision.left.toReversed())
    note(line.number, 'left', `${line.value}: ${reason}`);
  for (const { line, value, text } of outcomes) {
    note(line, 'understood', `${value === undefined ? '' : `${value}: `}${text}`);
  }
  return [...options, ...notes.values()].toSorted((a, b) => a.line - b.line);
}

/**
 * Reads the two files back as knockctl would; gives the warnings. Throws ConfigError, with the lines of
 * the file that was read, where they cannot be: two doors with one one-time file, say.
 */
function warningsOf(made: Made, original: string, doors: string): readonly string[] {
  const conf = posix.join(posix.dirname(doors), 'knockctl.conf');
  const oneTime = new Set(made.doors.map((door) => door.oneTime?.path));
  const files = new Map([
    [conf, made.knockctlConf],
    [doors, made.knockdConf],
  ]);
  // What is in one-time files is not looked at here: any sequence will do.
  const readText = (path: string): string | undefined =>
    files.get(path) ?? (oneTime.has(path) ? '1' : undefined);
  try {
    return loadConfig({ file: conf }, readText).warnings;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const faults = error.faults.map(({ file, line, message }) =>
      file === doors
        ? { file: original, line: originalLine(line, made.outcomes), message }
        : { file: original, line: 0, message: `${file} would have a fault: ${message}` },
    );
    throw new ConfigError(faults);
  }
}

/** Each verb stands in a line of its own behind the line that it takes the place of. */
function originalLine(line: number, outcomes: readonly Outcome[]): number {
  const added = outcomes.filter(({ value }) => value !== undefined).map((outcome) => outcome.line);
  return added.toSorted((a, b) => a - b).reduce((now, at) => (now > at ? now - 1 : now), line);
}

import { createHash } from 'node:crypto';

import { type Family, type Network, parseKernelNetwork } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';
import { MAX_TIMEOUT_S } from '../../base/limits.js';
import type { Entry } from '../../firewall/sets/set-specs.js';
import { elapsedMs, type BootTimestamp } from '../../system/boot-timestamp.js';

/**
 * The text of a file that keeps what one set holds: when it was taken, the entries as `ipset save` printed them, and
 * a last line that nothing is missing from. Pure.
 *
 *     knockctl entries 1 ssh_banned4
 *     saved <boot id> <monotonic ms> <wall ms>
 *     add ssh_banned4 203.0.113.7 timeout 299.871 comment "door decoy"
 *     end <entries> <sha256 of all before>
 */

/** Text is written and read in parts of about so many characters, so that no part holds up a heartbeat. */
const PART = 256 * 1024;

/** The entries in the output of `ipset save SET`, without the line that creates the set. */
export function entryLines(dump: string): string {
  if (dump.startsWith('add ')) return dump;
  const first = dump.indexOf('\nadd ');
  return first === -1 ? '' : dump.slice(first + 1);
}

/** How many lines a text has; each ends with a line feed. */
export function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** The text of the file, in parts; `lines` from entryLines, each part of them written as `refine` gives it. */
export function* renderEntries(
  set: string,
  moment: BootTimestamp,
  lines: string,
  refine: (part: string) => string = (part) => part,
): Generator<string> {
  const hash = createHash('sha256');
  const { bootId, monotonicMs, wallMs } = moment;
  const head = `knockctl entries 1 ${set}\nsaved ${bootId || '-'} ${monotonicMs} ${wallMs}\n`;
  hash.update(head);
  yield head;
  for (const part of parts(lines)) {
    const text = refine(part);
    hash.update(text);
    yield text;
  }
  yield `end ${countLines(lines)} ${hash.digest('hex')}\n`;
}

/** A file that is whole. What its lines say has not been looked at yet. */
interface SavedEntries {
  readonly moment: BootTimestamp;
  readonly lines: string;
}

const HEAD = /^knockctl entries 1 (\S+)\nsaved (\S+) (\d{1,15}) (\d{1,15})\n/;
const END = /^end (\d{1,9}) ([0-9a-f]{64})\n$/;

/** Opens the text of the file of a set; refuses what is not exactly what was written. */
export function openEntries(text: string, set: string): Result<SavedEntries> {
  const head = HEAD.exec(text.slice(0, 512));
  if (head === null) return refuse(text === '' ? 'it is empty' : 'it does not begin as it should');
  if (head[1] !== set) return refuse(`it is the file of ${head[1] ?? ''}`);
  const endAt = text.lastIndexOf('\n', text.length - 2) + 1;
  const end = END.exec(text.slice(endAt));
  if (end === null) return refuse('its end is missing');
  const lines = text.slice(head[0].length, endAt);
  const sum = createHash('sha256').update(text.slice(0, endAt)).digest('hex');
  if (sum !== end[2] || countLines(lines) !== Number(end[1])) return refuse('its checksum is wrong');
  const bootId = head[2] === '-' ? '' : (head[2] ?? '');
  return ok({ moment: { bootId, monotonicMs: Number(head[3]), wallMs: Number(head[4]) }, lines });
}

/**
 * What is left of an entry that had `leftMs` left (0: for ever) `passedMs` ago: whole seconds, never more than it had;
 * undefined where its time is over. Never 0 for a timed one: to ipset that is for ever.
 */
export function secondsLeft(leftMs: number, passedMs: number): number | undefined {
  if (leftMs === 0) return 0;
  const left = Math.floor((leftMs - Math.max(0, passedMs)) / 1_000);
  return left >= 1 ? left : undefined;
}

/** An entry as it was saved. */
export interface SavedEntry {
  readonly network: Network;
  /** 0: for ever. */
  readonly leftMs: number;
  readonly origin: string;
}

/** What a part of the lines comes to. */
interface CheckedLines {
  readonly entries: readonly SavedEntry[];
  /** A reason for each line that is not used. */
  readonly faults: readonly string[];
}

const LINE = /^add (\S+) (\S+) timeout (\d{1,7})(?:\.(\d{3}))?(?: comment "([^"]*)")?$/;

/** The entries in the lines of a file, part by part; each line is checked. */
export function* checkLines(lines: string, set: string, family: Family): Generator<CheckedLines> {
  for (const part of parts(lines)) {
    const entries: SavedEntry[] = [];
    const faults: string[] = [];
    for (const line of part.slice(0, -1).split('\n')) {
      const saved = parseLine(line, set, family);
      if (saved.ok) entries.push(saved.value);
      else faults.push(saved.reason);
    }
    yield { entries, faults };
  }
}

/** Those of saved entries that have time left, with what is left. */
export function entriesLeft(saved: readonly SavedEntry[], since: BootTimestamp, now: BootTimestamp): Entry[] {
  const passedMs = elapsedMs(since, now);
  const left: Entry[] = [];
  for (const { network, leftMs, origin } of saved) {
    const timeoutS = secondsLeft(leftMs, passedMs);
    if (timeoutS !== undefined) left.push({ network, timeoutS, origin });
  }
  return left;
}

function parseLine(line: string, set: string, family: Family): Result<SavedEntry> {
  const [, name, address = '', seconds, ms = '0', origin = ''] = LINE.exec(line) ?? [];
  // Other flags than ours (nomatch) say something that we could not put back.
  if (name !== set) return refuse(`${JSON.stringify(line.slice(0, 100))} is no entry of ${set}`);
  const network = parseKernelNetwork(address);
  if (!network.ok) return network;
  if (network.value.family !== family || network.value.prefix === 0) {
    return refuse(`${network.value.text} does not belong into ${set}`);
  }
  const leftMs = Number(seconds) * 1_000 + Number(ms);
  if (leftMs >= (MAX_TIMEOUT_S + 1) * 1_000)
    return refuse(`${network.value.text} has a time of ${leftMs} ms`);
  return ok({ network: network.value, leftMs, origin });
}

/** A text cut after line feeds. */
function* parts(text: string): Generator<string> {
  for (let from = 0; from < text.length;) {
    const feed = text.indexOf('\n', from + PART);
    const end = feed === -1 ? text.length : feed + 1;
    yield text.slice(from, end);
    from = end;
  }
}

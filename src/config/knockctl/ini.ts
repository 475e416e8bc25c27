import { unsafe } from 'ini';

import type { ConfigFault } from '../../base/errors.js';
import { quote } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';

import { isUtf8, splitLines, type Report } from '../lines.js';

export interface IniEntry {
  readonly key: string;
  /** Decoded: quotes taken off, the comment behind it cut. */
  readonly value: string;
  readonly line: number;
  /** True where an unquoted value had a comment behind it. */
  readonly hasComment: boolean;
}

export interface IniSection {
  readonly name: string;
  readonly line: number;
  readonly entries: ReadonlyMap<string, IniEntry>;
}

export interface IniFile {
  readonly sections: ReadonlyMap<string, IniSection>;
  readonly faults: readonly ConfigFault[];
}

const SECTION = /^\[([^\]]*)\]\s*(?:[;#].*)?$/;
const CONTROL = /[\u0001-\u0008\u000a-\u001f\u007f]/;

/**
 * Reads `[section]` and `key = value` lines. Lines are walked here, since every fault needs its line
 * and the package merges what stands twice; it decodes the values.
 */
export function parseIni(text: string, file: string): IniFile {
  const faults: ConfigFault[] = [];
  const report: Report = (line, message) => {
    faults.push({ file, line, message });
  };
  const sections = new Map<string, IniSection>();
  let current: { name: string; entries: Map<string, IniEntry> } | undefined;
  let isLost = false;

  for (const { number, text: raw } of splitLines(text, report)) {
    const line = raw.trim();
    if (line === '' || line.startsWith(';') || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      const name = SECTION.exec(line)?.[1]?.trim() ?? '';
      isLost = name === '';
      if (isLost) {
        report(number, `${quote(line)} is not a section line: write [name] with nothing behind it`);
        continue;
      }
      const earlier = sections.get(name);
      if (earlier !== undefined) {
        report(number, `[${name}] stands twice, first in line ${earlier.line}: put its keys together`);
      }
      current = { name, entries: new Map(earlier?.entries) };
      sections.set(name, { name, line: earlier?.line ?? number, entries: current.entries });
      continue;
    }
    // What follows a broken section line would only bring faults that are none.
    if (isLost) continue;
    const entry = parseEntry(line, number, report);
    if (entry === undefined) continue;
    if (current === undefined) {
      report(number, `${entry.key} stands before any section: begin with a line such as [paths]`);
      continue;
    }
    const earlier = current.entries.get(entry.key);
    if (earlier === undefined) current.entries.set(entry.key, entry);
    else report(number, `${entry.key} stands twice in [${current.name}], first in line ${earlier.line}`);
  }
  return { sections, faults };
}

function parseEntry(line: string, number: number, report: Report): IniEntry | undefined {
  const equals = line.indexOf('=');
  const key = line.slice(0, equals).trim();
  if (equals === -1 || key === '') {
    report(number, `${quote(line)} is not understood: write key = value`);
    return undefined;
  }
  const decoded = decodeValue(line.slice(equals + 1).trim());
  if (!decoded.ok) {
    report(number, `${key}: ${decoded.reason}`);
    return undefined;
  }
  if (!isUtf8(key + decoded.value.text, number, report)) return undefined;
  return { key, value: decoded.value.text, line: number, hasComment: decoded.value.hasComment };
}

interface Decoded {
  readonly text: string;
  readonly hasComment: boolean;
}

function decodeValue(raw: string): Result<Decoded> {
  const decoded = raw.startsWith('"') || raw.startsWith("'") ? decodeQuoted(raw) : decodePlain(raw);
  if (decoded.ok && CONTROL.test(decoded.value.text)) {
    return refuse(`${quote(decoded.value.text)} holds a control character`);
  }
  return decoded;
}

function decodeQuoted(raw: string): Result<Decoded> {
  const mark = raw.charAt(0);
  const end = mark === "'" ? raw.indexOf("'", 1) : closingQuote(raw);
  if (end === -1) return refuse(`${quote(raw)} has no closing ${mark}`);
  if (!/^\s*(?:[;#].*)?$/.test(raw.slice(end + 1))) {
    return refuse(`${quote(raw)}: nothing but a comment may follow the closing ${mark}`);
  }
  // The package would read JSON within single quotes ('null' would be no text); here they are plain.
  if (mark === "'") return ok({ text: raw.slice(1, end), hasComment: false });
  const quoted = raw.slice(0, end + 1);
  const text = unsafe(quoted);
  // It gives back what it cannot decode as it was.
  if (text === quoted) return refuse(`${quote(raw)}: write \\\\ for a backslash, or use single quotes`);
  return ok({ text, hasComment: false });
}

/** The place of the `"` that ends the text begun at 0, escaped ones passed over; -1: there is none. */
function closingQuote(raw: string): number {
  for (let index = 1; index < raw.length; index += 1) {
    if (raw[index] === '\\') index += 1;
    else if (raw[index] === '"') return index;
  }
  return -1;
}

function decodePlain(raw: string): Result<Decoded> {
  const comment = /^(?:\\[^]|[^\\;#])*(?=[;#])/.exec(raw)?.[0];
  // The package cuts at any `;` or `#`: a shell line that loses its end unseen is not what was meant.
  if (comment !== undefined && comment !== '' && !/\s$/.test(comment)) {
    return refuse(`${quote(raw)}: put it in quotes, or a space before the comment`);
  }
  return ok({ text: unsafe(raw), hasComment: comment !== undefined });
}

import { isIP } from 'node:net';

import { parseNetwork, quote, type Network } from '../base/address.js';
import { impossibleHere, impossibleSource } from '../base/impossible.js';
import type { ConfigFault } from '../base/errors.js';
import { ok, refuse, type Result } from '../base/result.js';

import { splitLines, trim, type Report } from './lines.js';
import type { TrustedEntry } from './settings.js';

/** Who is trusted: an address, a network or a host name, without the line it stands in. */
type Trustee = Omit<TrustedEntry, 'line'>;

interface TrustedList {
  readonly entries: readonly TrustedEntry[];
  readonly faults: readonly ConfigFault[];
  /** Lines that are passed over, for nobody elsewhere has such an address. */
  readonly warnings: readonly ConfigFault[];
}

const MAX_HOST_NAME = 253;
/** RFC 1123 section 2.1: letters, digits and inner hyphens, 63 at most; and the underscore, which name servers have in names of hosts too. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Reads one address, network or host name. */
export function parseTrustee(word: string): Result<Trustee> {
  const literal = word.split('/', 1)[0] ?? '';
  if (isIP(literal) !== 0 || word.includes('/') || word.includes(':')) {
    const network = parseNetwork(word);
    if (!network.ok) return network;
    if (network.value.prefix === 0) {
      return refuse(`${quote(word)} would trust everybody, and ipset takes no /0; name the networks`);
    }
    return ok({ text: word, network: network.value.text });
  }
  // The final dot says that a name is whole, which is what is meant without it too.
  const name = word.toLowerCase().replace(/(?<=.)\.$/, '');
  const labels = name.split('.');
  if (name.length > MAX_HOST_NAME || !labels.every((label) => LABEL.test(label))) {
    return refuse(`${quote(word)} is not an address, a network or a host name`);
  }
  // Resolvers take 10.1 and 0x7f000001 for addresses.
  if (/^(?:[0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) {
    return refuse(`${quote(word)} is neither an address nor a host name: it ends in a number`);
  }
  return ok({ text: name, network: undefined });
}

/**
 * Reads the trusted list: one entry a line, the rest of the line a comment, `#` lines comments. `own`: addresses of this host, which
 * are told and stay in the list: it may have others one day.
 */
export function parseTrusted(text: string, file: string, own: readonly Network[] = []): TrustedList {
  const faults: ConfigFault[] = [];
  const report: Report = (line, message) => {
    faults.push({ file, line, message });
  };
  const entries: TrustedEntry[] = [];
  const warnings: ConfigFault[] = [];
  for (const { number, text: line } of splitLines(text, report)) {
    const word = firstWord(line);
    if (word === '') continue;
    const trustee = parseTrustee(word);
    const impossible = trustee.ok ? faultOf(trustee.value, impossibleSource) : undefined;
    if (impossible !== undefined) {
      warnings.push({ file, line: number, message: `${impossible}: the line is passed over` });
    } else if (trustee.ok) {
      entries.push({ line: number, ...trustee.value });
      const second = secondAddress(line);
      if (second !== undefined) {
        const message = `${second} is taken for a comment, and not trusted: write one address a line`;
        warnings.push({ file, line: number, message });
      }
      const fault = faultOf(trustee.value, (network) => impossibleHere(network, own));
      if (fault !== undefined)
        warnings.push({ file, line: number, message: `${fault}: passed over for as long as it is one` });
    } else report(number, `${trustee.reason}; write one a line, with a space before any comment`);
  }
  return { entries, faults, warnings };
}

function faultOf({ network }: Trustee, judge: (network: Network) => string | undefined): string | undefined {
  const parsed = network === undefined ? undefined : parseNetwork(network);
  return parsed?.ok === true ? judge(parsed.value) : undefined;
}

/** The text with the entry added as its last line; unchanged where it is in already. */
export function addEntry(text: string, entry: string, comment?: string): Result<string> {
  const trustee = parseTrustee(entry);
  if (!trustee.ok) return trustee;
  if (comment !== undefined && /[\u0000-\u001f\u007f]/.test(comment)) {
    return refuse(`${quote(comment)}: a comment is one line of text`);
  }
  const rows = splitRows(text);
  if (rows.some((row) => isSame(row, trustee.value))) return ok(text);
  const added = `${trustee.value.text}${comment === undefined ? '' : ` # ${comment}`}`;
  // Behind a lone \r, a mere \n would make it part of the line's end.
  const newline = rows.some((row) => /\r\n?$/.test(row)) ? '\r\n' : '\n';
  const isOpen = text !== '' && text !== BOM && !text.endsWith('\n');
  return ok(isOpen ? `${text}${newline}${added}` : `${text}${added}${newline}`);
}

/** The text without the lines of the entry, all else byte for byte; refused where it is not in. */
export function removeEntry(text: string, entry: string): Result<string> {
  const trustee = parseTrustee(entry);
  if (!trustee.ok) return trustee;
  const rows = splitRows(text);
  const kept = rows.filter((row) => !isSame(row, trustee.value));
  if (kept.length === rows.length) return refuse(`${quote(entry)} is not in the file`);
  const rest = kept.join('');
  // A file without a newline at its end stays one.
  return ok((text.startsWith(BOM) ? BOM : '') + (text.endsWith('\n') ? rest : rest.replace(/\r?\n$/, '')));
}

const BOM = '\uFEFF';

/** The lines with their ends, without the byte order mark. */
function splitRows(text: string): readonly string[] {
  return (text.startsWith(BOM) ? text.slice(1) : text).match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function isSame(row: string, trustee: Trustee): boolean {
  const word = firstWord(row);
  const other = word === '' ? undefined : parseTrustee(word);
  if (other?.ok !== true) return false;
  return trustee.network === undefined
    ? other.value.text === trustee.text
    : other.value.network === trustee.network;
}

/** What follows the first word, if it is an address or a network too. */
function secondAddress(line: string): string | undefined {
  const [, second = ''] = trim(line).split(/[ \t\v\f\r,;]+/);
  return parseNetwork(second).ok ? second : undefined;
}

/** The first word of the line; '' for a blank line or a comment. */
function firstWord(line: string): string {
  const trimmed = trim(line);
  return trimmed.startsWith('#') ? '' : (trimmed.split(/[ \t\v\f\r]/, 1)[0] ?? '');
}

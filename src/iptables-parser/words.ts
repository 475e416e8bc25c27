/** A stretch of text between double quotes; `start` and `end` are the places of the quotes. */
interface QuotedSpan {
  readonly start: number;
  readonly end: number;
}

/** The quoted stretches of a line, and where a quote opens that is never closed. */
interface Quotes {
  readonly spans: readonly QuotedSpan[];
  readonly open: number | undefined;
}

/** What iptables-save prints without quotes (measured, 1.8.9). */
const BARE = /^[A-Za-z0-9_-]+$/;
/** What must be quoted for iptables-restore to take it for one word as it stands. */
const NEEDS_QUOTES = /[ \t\r\n"'\\]/;
const BLANKS = /[ \t\n]+/;

/**
 * Finds the quotes of a line as iptables-restore does: a double quote opens anywhere, also inside a
 * word; only within quotes does a backslash escape the next character; single quotes mean nothing.
 * Looks from `from` on, which must not be within quotes.
 */
export function findQuotes(text: string, from = 0): Quotes {
  const spans: QuotedSpan[] = [];
  let start = text.indexOf('"', from);
  while (start !== -1) {
    const end = closingQuote(text, start + 1);
    if (end === -1) return { spans, open: start };
    spans.push({ start, end });
    start = text.indexOf('"', end + 1);
  }
  return { spans, open: undefined };
}

/**
 * Splits a line into its words, quotes and escapes decoded, as iptables-restore does: blanks separate,
 * and a closing quote ends the word even where no blank follows. A quote left open runs to the end.
 */
export function splitWords(text: string): string[] {
  if (!text.includes('"')) return text.split(BLANKS).filter((word) => word !== '');
  const words: string[] = [];
  let at = 0;
  let begun = '';
  for (const { start, end } of closedSpans(text)) {
    const before = (begun + text.slice(at, start)).split(BLANKS);
    begun = before.pop() ?? '';
    words.push(...before.filter((word) => word !== ''));
    words.push(begun + text.slice(start + 1, end).replace(/\\([^])/g, '$1'));
    begun = '';
    at = end + 1;
  }
  words.push(
    ...text
      .slice(at)
      .split(BLANKS)
      .filter((word) => word !== ''),
  );
  return words;
}

/**
 * Quotes a word exactly as iptables-save prints comments and log prefixes, with both back ends: bare
 * if it is made of letters, digits, `_` and `-` only; else in double quotes, with a backslash before
 * `"`, `'` and `\`.
 */
export function quoteWord(text: string): string {
  return BARE.test(text) ? text : `"${text.replace(/["'\\]/g, '\\$&')}"`;
}

/** Quotes a word only where iptables-restore needs it: `192.0.2.0/24` stays as it is. */
export function quoteIfNeeded(text: string): string {
  return text === '' || NEEDS_QUOTES.test(text) ? quoteWord(text) : text;
}

function closedSpans(text: string): readonly QuotedSpan[] {
  const { spans, open } = findQuotes(text);
  return open === undefined ? spans : [...spans, { start: open, end: text.length }];
}

/** The place of the quote that ends a quoted text; `from` is the place after the opening one. -1: none. */
export function closingQuote(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') return at;
    if (character === '\\') at += 1;
  }
  return -1;
}

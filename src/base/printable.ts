/**
 * Characters with side effects: controls (ESC and, in UTF-8 too, the 8-bit CSI move a terminal's cursor and change its
 * title), line separators, and marks that change the direction of writing.
 */
const ACTING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Makes any text one harmless line: `\n` becomes ` | `, other control characters `?`. */
export function oneLine(text: string): string {
  return text.replaceAll(ACTING, (char) => (char === '\n' ? ' | ' : '?'));
}

/** The same for text of a process that may be compromised: printable ASCII only. */
export function asciiLine(text: string): string {
  return oneLine(text).replaceAll(/[^\u0020-\u007e]/g, '?');
}

/** Makes text safe for a terminal: keeps lines, tabs and, with `colour`, colours. */
export function terminalText(text: string, colour: boolean): string {
  const kept = colour ? /^\u001b\[[0-9]{1,2}m/ : /^[\n\t]/;
  return text.replaceAll(ACTING, (char, at: number) =>
    char === '\n' || char === '\t' || (char === '\u001b' && kept.test(text.slice(at, at + 5))) ? char : '?',
  );
}

/** Escapes such characters in a JSON text; the meaning stays the same. */
export function quietJson(text: string): string {
  return text.replaceAll(ACTING, (char) =>
    char === '\n' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

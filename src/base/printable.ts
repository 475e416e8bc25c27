/**
 * Characters by which a text does more than be read: controls (ESC and, in UTF-8 too, the 8-bit CSI move a terminal's cursor
 * and change its title), line separators, and marks that turn the direction of writing.
 */
const ACTING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** One line that can be read and does nothing else, whatever the text holds: `\n` becomes ` | `, the others `?`. */
export function oneLine(text: string): string {
  return text.replaceAll(ACTING, (char) => (char === '\n' ? ' | ' : '?'));
}

/** The same for words of a process that may have been taken over: printable ASCII alone. */
export function asciiLine(text: string): string {
  return oneLine(text).replaceAll(/[^\u0020-\u007e]/g, '?');
}

/** Text for a terminal: lines, tabs and, where `colour` is on, colours stay as they are. */
export function terminalText(text: string, colour: boolean): string {
  const kept = colour ? /^\u001b\[[0-9]{1,2}m/ : /^[\n\t]/;
  return text.replaceAll(ACTING, (char, at: number) =>
    char === '\n' || char === '\t' || (char === '\u001b' && kept.test(text.slice(at, at + 5))) ? char : '?',
  );
}

/** A JSON text in which such characters stand as escapes; it means the same. */
export function quietJson(text: string): string {
  return text.replaceAll(ACTING, (char) =>
    char === '\n' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** So much is kept of what a process writes: a stack of Node begins with what matters and ends with what does not. */
const MAX_KEPT = 8_192;
/** So much of it is told. */
const MAX_TOLD = 500;

/** What a process wrote to standard error before its end, as much as is worth telling. */
export class StderrTail {
  #text = '';

  add(text: string): void {
    if (this.#text.length < MAX_KEPT) this.#text = (this.#text + text).slice(0, MAX_KEPT);
  }

  toString(): string {
    return summarize(this.#text);
  }
}

/** A line that tells what could not be read, wherever in the words of whatever failed by it. */
const DENIED = /^.*(?:EACCES: |\b[Pp]ermission denied).*$/m;
const ERROR = /^(?:\[?\w+\]? )*\w*Error(?: \[\w+\])?: .+/m;

/** The line of an error where there is one, else the end; in one line, and nothing in it that a terminal would obey. */
export function summarize(text: string): string {
  const printable = text.replaceAll(/[^\P{C}\n\t]/gu, '?');
  const [line] = DENIED.exec(printable) ?? ERROR.exec(printable) ?? [];
  const words = (line ?? printable).trim();
  return words
    .replaceAll(/\s*\n\s*/g, ' | ')
    .slice(line === undefined ? -MAX_TOLD : 0, line === undefined ? undefined : MAX_TOLD);
}

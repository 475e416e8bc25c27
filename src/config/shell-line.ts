import { quote } from '../base/address.js';
import { ok, refuse, type Result } from '../base/result.js';

/** A shell line as far as it can be read without carrying it out. Pure. */

/** What stands between a command and the one before it; empty for the first. */
type Joint = '' | ';' | '&' | '&&' | '||' | '|';

/** One command: its words as the program gets them, quotes taken away. */
export interface SimpleCommand {
  readonly joint: Joint;
  readonly words: readonly string[];
  /** Files that its output goes to, or its input comes from: `>/dev/null`, `<key`. */
  readonly redirects: readonly string[];
}

interface ParsedLine {
  readonly commands: readonly SimpleCommand[];
  /** What stands behind a `#`. */
  readonly comment: string | undefined;
}

const RESERVED = /^(?:!|\{|\}|if|then|else|fi|for|while|until|do|done|case|esac|function|\[\[)$/;
/** Unquoted, these mean something else to a shell than themselves. */
const SPECIAL = /[$`*?[()\\~]/;

/** Reads a line of plain commands. Refused where only a shell knows what its words are: `$(…)`, `*`, `if`. */
export function readShellLine(line: string): Result<ParsedLine> {
  const reader = new Reader(line);
  const fault = reader.read();
  if (fault !== undefined) return refuse(fault);
  const [reserved] = reader.commands.flatMap(({ words: [first = ''] }) =>
    RESERVED.test(first) ? [first] : [],
  );
  if (reserved !== undefined) return refuse(`${quote(reserved)} is a word of the shell`);
  return ok({ commands: reader.commands, comment: reader.comment });
}

interface Draft {
  readonly joint: Joint;
  readonly words: string[];
  readonly redirects: string[];
}

class Reader {
  readonly commands: Draft[] = [];
  comment: string | undefined;
  readonly #line: string;
  #at = 0;
  /** The command before this place ends with a bracket. */
  #isClosed = false;
  #joint: Joint = '';
  #command: Draft = { joint: '', words: [], redirects: [] };

  constructor(line: string) {
    this.#line = line;
  }

  /** Gives why the line cannot be read. */
  read(): string | undefined {
    for (;;) {
      this.#skip(/[ \t]*/y);
      const rest = this.#line.slice(this.#at);
      if (rest === '') break;
      if (rest.startsWith('#')) {
        this.comment = rest.slice(1).trim();
        break;
      }
      // A subshell, as in `(sleep 9; …) &`, does the same in our reading.
      if (rest.startsWith('(') && this.#isEmpty()) {
        this.#at += 1;
        continue;
      }
      if (rest.startsWith(')')) {
        this.#at += 1;
        const fault = this.#end(';');
        if (fault !== undefined) return fault;
        this.#isClosed = true;
        continue;
      }
      const joint = this.#skip(/&&|\|\||[;&|]/y);
      if (joint !== '') {
        const fault = this.#end(joint);
        if (fault !== undefined) return fault;
        continue;
      }
      const redirect = this.#skip(/[0-9]?(?:>>|>&|>|<)[ \t]*/y);
      const word = this.#word();
      if (!word.ok) return word.reason;
      if (redirect === '') this.#command.words.push(word.value);
      else this.#command.redirects.push(`${redirect.trim()}${word.value}`);
    }
    if (this.#isEmpty()) {
      return this.#joint === '' || this.#joint === ';' || this.#joint === '&'
        ? undefined
        : `nothing follows ${this.#joint}`;
    }
    this.commands.push(this.#command);
    return undefined;
  }

  #end(joint: string): string | undefined {
    if (this.#isClosed && this.#isEmpty()) {
      this.#isClosed = false;
      this.#begin(joint);
      return undefined;
    }
    if (this.#command.words.length === 0) return `nothing stands before ${joint}`;
    this.commands.push(this.#command);
    this.#begin(joint);
    return undefined;
  }

  #begin(joint: string): void {
    this.#joint = joint === '&&' || joint === '||' || joint === '|' || joint === '&' ? joint : ';';
    this.#command = { joint: this.#joint, words: [], redirects: [] };
  }

  #isEmpty(): boolean {
    return this.#command.words.length === 0 && this.#command.redirects.length === 0;
  }

  #word(): Result<string> {
    let word = '';
    for (;;) {
      const plain = this.#skip(/[^ \t;&|<>"'$`*?[()\\~]+/y);
      word += plain;
      const next = this.#line[this.#at];
      if (next === "'" || next === '"') {
        const quoted = this.#quoted(next);
        if (!quoted.ok) return quoted;
        word += quoted.value;
      } else if (next !== undefined && SPECIAL.test(next) && !(next === ')' && word !== '')) {
        const escaped = next === '\\' ? this.#line[this.#at + 1] : undefined;
        // {, } and their like are written so, though a plain shell needs it not.
        if (escaped === undefined || !/[{}"'; !#]/.test(escaped)) {
          return refuse(`what ${quote(next)} comes to is for a shell to say`);
        }
        word += escaped;
        this.#at += 2;
      } else {
        return ok(word);
      }
    }
  }

  #quoted(mark: '"' | "'"): Result<string> {
    const pattern = mark === '"' ? /"((?:[^"\\$`]|\\["\\])*)"/y : /'([^']*)'/y;
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#line);
    if (match === null)
      return refuse(`the quotes from ${quote(this.#line.slice(this.#at))} on are for a shell to read`);
    this.#at = pattern.lastIndex;
    const text = match[1] ?? '';
    return ok(mark === '"' ? text.replace(/\\(["\\])/g, '$1') : text);
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#line)?.[0] ?? '';
    this.#at += text.length;
    return text;
  }
}

/** Programs that only run another one, and how many words their options take. */
const WRAPPERS: ReadonlyMap<string, RegExp> = new Map([
  ['sudo', /^-(?:[nEHbSki]+|-non-interactive|-preserve-env)$/],
  ['doas', /^-n$/],
  ['env', /^-$/],
  ['exec', /^-$/],
  ['nohup', /^-$/],
  ['command', /^-p$/],
  ['nice', /^-[0-9]+$/],
]);
const WITH_VALUE = /^-(?:u|g|n|-user|-group)$/;
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*=/;

/** The command without `sudo`, `env`, `PATH=…` and their like in front, which are `wrappers`. */
export function unwrap(words: readonly string[]): {
  readonly words: readonly string[];
  readonly wrappers: readonly string[];
} {
  const wrappers: string[] = [];
  let at = 0;
  for (;;) {
    const word = words[at] ?? '';
    const name = baseName(word);
    const options = WRAPPERS.get(name);
    if (ASSIGNMENT.test(word)) at += 1;
    else if (options !== undefined && at + 1 < words.length) {
      at += 1;
      for (;;) {
        const option = words[at] ?? '';
        if (options.test(option)) at += 1;
        else if (name !== 'env' && WITH_VALUE.test(option)) at += 2;
        else break;
      }
    } else return { words: words.slice(at), wrappers };
    wrappers.push(ASSIGNMENT.test(word) ? word : name);
  }
}

/** The name of a program without its folder. */
export function baseName(program: string): string {
  return program.slice(program.lastIndexOf('/') + 1);
}

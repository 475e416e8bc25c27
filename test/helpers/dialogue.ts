import type { Lab, Place } from './lab.js';
import type { LabProcess } from './processes.js';
import { waitFor } from './wait.js';

/** What a terminal is told besides text (ECMA-48), and its carriage returns. */
const CONTROLS = /\u001b\[[0-9;?]*[A-Za-z]|\r/g;

/** A command at a terminal of its own, with somebody who reads and answers. */
export class Dialogue {
  readonly #process: LabProcess;
  /** What was shown up to here has been read. */
  #read = 0;

  /** Runs the command at a pseudo-terminal: that of script(1). */
  constructor(lab: Lab, place: Place, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const line = argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const shell = { SHELL: '/bin/sh', TERM: 'dumb' };
    this.#process = lab.spawn(place, ['/usr/bin/script', '-qec', line, '/dev/null'], {
      env: { ...shell, ...env },
    });
  }

  /** All that was shown, without what a terminal does not show. */
  get text(): string {
    return this.#process.stdout.replaceAll(CONTROLS, '');
  }

  /** Waits until something is shown after what has been read; gives all of it up to there. */
  async hears(what: string): Promise<string> {
    const ended = (): boolean => this.#process.exitCode !== undefined;
    const isShown = (): boolean => this.text.includes(what, this.#read);
    try {
      await waitFor(() => isShown() || ended(), what);
    } catch (cause) {
      throw new Error(`not shown: ${what}\n${this.text}`, { cause });
    }
    // The last of its output may come after its end.
    if (!isShown()) await this.#process.closed;
    if (!isShown()) throw new Error(`it ended without showing: ${what}\n${this.text}`);
    const end = this.text.indexOf(what, this.#read) + what.length;
    const heard = this.text.slice(this.#read, end);
    this.#read = end;
    return heard;
  }

  /** Answers a question once it is asked; gives what was shown up to it. */
  async answers(question: string, answer: string): Promise<string> {
    const heard = await this.hears(question);
    this.says(answer);
    return heard;
  }

  /** Types a line. */
  says(line: string): void {
    this.#process.write(`${line}\r`);
  }

  /** Presses Ctrl-C. */
  interrupts(): void {
    this.#process.write('\u0003');
  }

  /** Waits for its end; gives what was shown since, and its exit code. */
  async ends(): Promise<{ readonly code: number; readonly text: string }> {
    const code = await this.#process.closed;
    return { code, text: this.text.slice(this.#read) };
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

export interface StartOptions {
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface ExecOptions extends StartOptions {
  /** Standard input; empty by default. */
  readonly input?: string;
  /** Two minutes by default; then the process is killed and exec rejects. */
  readonly timeoutMs?: number;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  /** 128 + the signal's number where a signal ended it. */
  readonly exitCode: number;
}

/** A process that a test started, with all that it has said so far. */
export class LabProcess {
  readonly argv: readonly string[];
  readonly pid: number;
  /** The exit code (128 + signal), once the process is gone and its output is read to the end. */
  readonly closed: Promise<number>;
  #stdout = '';
  #stderr = '';
  readonly #child: ChildProcess;
  #exitCode: number | undefined;

  constructor(argv: readonly string[], options: StartOptions = {}) {
    const [file = '', ...args] = argv;
    this.argv = argv;
    this.#child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.pid = this.#child.pid ?? 0;
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    // A process may end without reading what it is given; that shows in its exit code, not here.
    this.#child.stdin?.on('error', () => undefined);
    this.#child.once('exit', (code, signal) => {
      this.#exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
    });
    this.closed = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', () => {
        resolve(this.#exitCode ?? -1);
      });
    });
    // Whoever awaits `closed` sees the error; a process that nobody waits for must not end the test run.
    this.closed.catch(() => undefined);
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The exit code, or undefined while the process runs. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  end(text = ''): void {
    this.#child.stdin?.end(text);
  }

  /** Signals the process if it still runs. */
  signal(signal: NodeJS.Signals): void {
    if (this.#exitCode === undefined) this.#child.kill(signal);
  }

  /** Signals the process, SIGKILL by default, and waits for its end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number> {
    this.signal(signal);
    return this.closed;
  }

  /** Waits until standard output or standard error contains `text`; rejects when that can be no more. */
  async until(text: string, timeoutMs = 60_000): Promise<void> {
    const said = (): boolean => this.#stdout.includes(text) || this.#stderr.includes(text);
    let check = (): void => undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (why: string): void => {
          reject(new Error(`${why} before saying ${JSON.stringify(text)}: ${this.describe()}`));
        };
        check = (): void => {
          if (said()) resolve();
        };
        timer = setTimeout(fail, timeoutMs, `${timeoutMs} ms passed`);
        this.#child.stdout?.on('data', check);
        this.#child.stderr?.on('data', check);
        this.closed.then(() => {
          if (said()) resolve();
          else fail('the process ended');
        }, reject);
        check();
      });
    } finally {
      clearTimeout(timer);
      this.#child.stdout?.off('data', check);
      this.#child.stderr?.off('data', check);
    }
  }

  /** The command with what it has said, for error messages. */
  describe(): string {
    return `${this.argv.join(' ')}\nstdout: ${this.#stdout}\nstderr: ${this.#stderr}`;
  }
}

/** Runs a command to its end. A non-zero exit is a result; a time-out or a missing program rejects. */
export async function exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const child = new LabProcess(argv, options);
  return finish(child, options);
}

/** Feeds a process its input and waits for its end, as exec does. */
export async function finish(child: LabProcess, options: ExecOptions): Promise<ExecResult> {
  const timeoutMs = options.timeoutMs ?? 120_000;
  child.end(options.input);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const state =
        child.exitCode === undefined
          ? 'still runs'
          : `ended with ${child.exitCode}, but something that it started holds its output open`;
      child.signal('SIGKILL');
      reject(new Error(`after ${timeoutMs} ms ${state}: ${child.describe()}`));
    }, timeoutMs);
  });
  try {
    const exitCode = await Promise.race([child.closed, late]);
    return { stdout: child.stdout, stderr: child.stderr, exitCode };
  } finally {
    clearTimeout(timer);
  }
}

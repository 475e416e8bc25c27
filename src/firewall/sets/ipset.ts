import { CommandError, EXIT, KnockError } from '../../base/errors.js';
import { execOk, type Exec, type ExecOptions } from '../../system/exec.js';
import { IpsetChannel, ipsetStarter } from './ipset-channel.js';
import { explain } from './ipset-errors.js';
import { isWholeDump, isWholeList } from './set-specs.js';

const TIMEOUT_MS = 60_000;
/** Timeouts for reading: a million entries take some seconds, all names none. */
const SAVE_MS = 20_000;
const NAMES_MS = 6_000;
/** More lines than this go through one `ipset restore`; fewer, one by one through the channel. */
export const BATCH = 32;

/**
 * Access to the kernel's sets in two ways: the open channel for short commands, which must not wait for a process (8 ms
 * of a core to start one, measured), and a separate process for long ones, which would block others. Both throw
 * KnockError in an administrator's words.
 */
export class Ipset {
  readonly #exec: Exec;
  readonly #path: string;
  readonly #channel: IpsetChannel;

  /** `path`: the path of ipset(8). */
  constructor(exec: Exec, path: string, channel: IpsetChannel) {
    this.#exec = exec;
    this.#path = path;
    this.#channel = channel;
  }

  /** Executes one line, possibly twice; returns ipset's output. Not for listings: see `list`. */
  async line(line: string): Promise<string> {
    return explained(this.#channel.run(line));
  }

  /** Executes lines in order. If one of a few fails, those before it have been executed. */
  async lines(lines: readonly string[]): Promise<void> {
    if (lines.length > BATCH) {
      await this.batch(lines);
      return;
    }
    for (const line of lines) await this.line(line);
  }

  /** Executes lines in one process; throws if any fails. Adding what exists or deleting what does not is no error. */
  async batch(lines: readonly string[]): Promise<void> {
    await this.#run(['-exist', 'restore'], { input: `${lines.join('\n')}\n` });
  }

  /** Returns a set as `ipset save` prints it, of any size. Throws KnockError if the output is incomplete. */
  async save(set: string): Promise<string> {
    const saved = await this.#run(['save', set], { timeoutMs: SAVE_MS });
    if (isWholeDump(set, saved)) return saved;
    throw incompleteOutput(`ipset save ${set}`);
  }

  /**
   * Lists all sets, without entries. No other listing may use the channel: interactive ipset keeps the last output
   * option, so after `save`, a `list -t` prints entries, and after `list -t`, a `save` prints none (measured, 7.17).
   */
  async list(): Promise<string> {
    const listed = await this.line('list -t');
    if (isWholeList(listed)) return listed;
    throw incompleteOutput('ipset list -t');
  }

  /**
   * Throws KnockError if one of these sets exists after all, because then the listing without it was incomplete. Uses a
   * separate process: once asked for a single set, the channel  answers the next command with "Internal protocol error"
   * (measured, 7.17).
   */
  async mustBeMissing(sets: readonly string[]): Promise<void> {
    if (sets.length === 0) return;
    const listed = new Set((await this.#run(['list', '-n'], { timeoutMs: NAMES_MS })).split('\n'));
    if (sets.some((set) => listed.has(set))) throw incompleteOutput('ipset list -t');
  }

  /** Ends the channel's process. */
  async close(): Promise<void> {
    await this.#channel.close();
  }

  async #run(words: readonly string[], options: ExecOptions = {}): Promise<string> {
    return explained(execOk(this.#exec, [this.#path, ...words], { timeoutMs: TIMEOUT_MS, ...options }));
  }
}

/** Missing output must not be taken for missing entries. */
function incompleteOutput(command: string): KnockError {
  return new KnockError(`the output of ${command} was incomplete`, {
    exitCode: EXIT.firewall,
    hint: 'knockctl ignored it; run the command by hand to see the error',
  });
}

async function explained(answer: Promise<string>): Promise<string> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof CommandError ? explain(error) : error;
  }
}

/** Opens ipset(8) of this network namespace; `tool` returns the path of a program. */
export function openIpset(exec: Exec, tool: (name: string) => string): Ipset {
  const path = tool('ipset');
  return new Ipset(exec, path, new IpsetChannel(ipsetStarter(tool('stdbuf'), path)));
}

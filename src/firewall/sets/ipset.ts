import { CommandError, EXIT, KnockError } from '../../base/errors.js';
import { execOk, type Exec, type ExecOptions } from '../../system/exec.js';
import { IpsetChannel, ipsetStarter } from './ipset-channel.js';
import { explain } from './ipset-errors.js';
import { isWholeDump, isWholeList } from './set-specs.js';

const TIMEOUT_MS = 60_000;
/** One that reads is sooner known to hang: a million entries take some seconds, all names none. */
const SAVE_MS = 20_000;
const NAMES_MS = 6_000;
/** More lines than this go through one `ipset restore`; fewer, line by line through the channel. */
export const BATCH = 32;

/**
 * The two ways to the kernel's sets: the open channel for what is short, and must not wait for a process (8 ms of a core to
 * start one, measured), and a process of its own for what is long, and would keep others waiting. Both throw KnockError in an
 * administrator's words.
 */
export class Ipset {
  readonly #exec: Exec;
  readonly #path: string;
  readonly #channel: IpsetChannel;

  /** `path`: that of ipset(8). */
  constructor(exec: Exec, path: string, channel: IpsetChannel) {
    this.#exec = exec;
    this.#path = path;
    this.#channel = channel;
  }

  /** Carries out one line, maybe twice; gives what ipset printed. None that lists: see `list`. */
  async line(line: string): Promise<string> {
    return explained(this.#channel.run(line));
  }

  /** Carries out lines in their order; of a few, those before one that fails have been. */
  async lines(lines: readonly string[]): Promise<void> {
    if (lines.length > BATCH) {
      await this.batch(lines);
      return;
    }
    for (const line of lines) await this.line(line);
  }

  /** Lines for ipset, whole or with an error; what is there, or gone, already does not matter. */
  async batch(lines: readonly string[]): Promise<void> {
    await this.#run(['-exist', 'restore'], { input: `${lines.join('\n')}\n` });
  }

  /** What a set holds as `ipset save` prints it, however long. Throws KnockError where it is not whole. */
  async save(set: string): Promise<string> {
    const saved = await this.#run(['save', set], { timeoutMs: SAVE_MS });
    if (isWholeDump(set, saved)) return saved;
    throw cutShort(`ipset save ${set}`);
  }

  /**
   * All sets, without what they hold. No other listing may go by the channel: an ipset that reads lines goes on to print
   * as the last option told it, so after `save` a `list -t` prints entries, and after `list -t` a `save` none (measured, 7.17).
   */
  async list(): Promise<string> {
    const listed = await this.line('list -t');
    if (isWholeList(listed)) return listed;
    throw cutShort('ipset list -t');
  }

  /**
   * Throws KnockError where one of these sets is there after all: then a listing without it was none. By a process of its own (the
   * channel that was asked for one set answers the next question with "Internal protocol error": measured, 7.17).
   */
  async mustBeMissing(sets: readonly string[]): Promise<void> {
    if (sets.length === 0) return;
    const listed = new Set((await this.#run(['list', '-n'], { timeoutMs: NAMES_MS })).split('\n'));
    if (sets.some((set) => listed.has(set))) throw cutShort('ipset list -t');
  }

  /** Ends the channel's process. */
  async close(): Promise<void> {
    await this.#channel.close();
  }

  async #run(words: readonly string[], options: ExecOptions = {}): Promise<string> {
    return explained(execOk(this.#exec, [this.#path, ...words], { timeoutMs: TIMEOUT_MS, ...options }));
  }
}

/** Entries that were not told must not be taken for entries that are not there. */
function cutShort(command: string): KnockError {
  return new KnockError(`${command} did not tell all`, {
    exitCode: EXIT.firewall,
    hint: 'nothing was concluded from it; run it by hand, and see what it says',
  });
}

async function explained(answer: Promise<string>): Promise<string> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof CommandError ? explain(error) : error;
  }
}

/** ipset(8) of this network namespace; `tool` gives the path of a program. */
export function openIpset(exec: Exec, tool: (name: string) => string): Ipset {
  const path = tool('ipset');
  return new Ipset(exec, path, new IpsetChannel(ipsetStarter(tool('stdbuf'), path)));
}

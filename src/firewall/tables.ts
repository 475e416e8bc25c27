import type { Family } from '../base/address.js';
import { CommandError, errorText, EXIT, KnockError } from '../base/errors.js';
import { parse } from '../iptables-parser/parse.js';
import type { Ruleset } from '../iptables-parser/types.js';
import { execOk, type Exec, type ExecOptions } from '../system/exec.js';
import { findTool } from '../system/tools.js';
import type { BackendName } from './backend-name.js';
import { namedBackend, NO_BACKEND, type Backend } from './backend.js';
import { ChainWay } from './chain-way.js';
import { NftWay } from './nft-way.js';
import type { OtherWay } from './otherwise.js';
import { isWholeSave, reasonIn } from './saved.js';
import { Unread, Unreadable } from './unread.js';

/** How long a legacy iptables waits for the xtables lock, and when we end it whatever it waits for. */
const LOCK_WAIT_S = 5;
const TIMEOUT_MS = 20_000;
/**
 * A reader that has said nothing for so long hangs, and is not asked again for a while (10,000 rules take 41 ms). The sooner with
 * a second way that needs another program.
 */
const READ_MS = 6_000;
const ONLY_READ_MS = 10_000;
const SPARED_MS = 30_000;
/** Of our own processes so many are remembered, to tell their changes from those of others. */
const REMEMBERED = 64;

/** The filter tables of both families: whole saves and whole transactions. */
export class Tables {
  readonly #exec: Exec;
  readonly #own = new Set<number>();
  readonly #unread = new Unread();
  readonly #other: OtherWay | undefined;
  readonly backend: Backend;

  constructor(exec: Exec, backend: Backend) {
    this.#exec = exec;
    this.backend = backend;
    this.#other = this.#otherWay();
  }

  /** The tables of a back end that is not the one chosen now. Throws KnockError where it is not installed. */
  in(name: BackendName): Tables {
    if (name === this.backend.name && this.backend !== NO_BACKEND) return this;
    return new Tables(this.#exec, namedBackend(name, 'rules of ours may be left in it'));
  }

  /**
   * Families whose rules the last save could not tell, and why. What was read of them then is only what is ours, by a
   * second way, and a change goes that way too.
   */
  get unread(): ReadonlyMap<Family, string> {
    return this.#unread.reasons;
  }

  /**
   * The filter table in force; a ruleset without tables where there is none. `mine` tells the lines
   * that matter to us: a rule of somebody else that cannot be parsed is passed over. `counts` gets the packets that the
   * last rule of each chain has seen; `chains`: those that rules of ours may be in. A save that is none is never taken for an empty
   * table: then our rules are read by a second way. Throws Unreadable where that cannot tell either.
   */
  async read(
    family: Family,
    mine: (line: string) => boolean,
    counts?: Map<string, number>,
    chains: ReadonlySet<string> = new Set(),
  ): Promise<Ruleset> {
    let saved: string;
    try {
      saved = await this.#saveFilter(family, '-c');
      this.#unread.over(family);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return this.#readOtherwise(error, mine, counts, chains);
    }
    const text = uncounted(saved, counts);
    try {
      return parse(text);
    } catch {
      const lines = text.split('\n').filter((line) => !line.startsWith('-') || mine(line));
      return parse(lines.join('\n'));
    }
  }

  async #readOtherwise(
    { family, why }: Unreadable,
    mine: (line: string) => boolean,
    counts: Map<string, number> | undefined,
    chains: ReadonlySet<string>,
  ): Promise<Ruleset> {
    try {
      if (this.#other === undefined) throw new Error('there is no program for another way');
      const hangs = this.#unread.spared(family) !== undefined;
      if (hangs && !(this.#other instanceof NftWay)) throw new Error('it is the same program');
      const reading = await this.#other.read(family, mine, chains);
      for (const [chain, packets] of reading.counts) counts?.set(chain, packets);
      this.#unread.found(family, why, reading);
      return parse(reading.text);
    } catch (error) {
      this.#unread.found(family, why, undefined);
      throw new Unreadable(family, `${why}; nor by ${this.#other?.name ?? 'nft'}: ${errorText(error)}`);
    }
  }

  /** A reader that hung is asked again: who takes our rules out wants to know how it is now. */
  tryAgain(family: Family): void {
    this.#unread.tryAgain(family);
  }

  /** Notes how rules of ours that were just read are shown elsewhere, for a time when no save tells them. */
  async learn(family: Family, ruleset: Ruleset, mine: (name: string) => boolean): Promise<void> {
    if (!(this.#other instanceof NftWay) || this.#unread.reasons.has(family)) return;
    await this.#other.learn(family, ruleset, mine).catch(() => undefined); // without it the second way has to ask iptables
  }

  /** Throws Unreadable where what came is no answer, KnockError where the reason is a known one. */
  async #saveFilter(family: Family, ...words: readonly string[]): Promise<string> {
    const { save } = this.backend.tools[family];
    const spared = this.#unread.spared(family);
    if (spared !== undefined) throw new Unreadable(family, spared);
    const timeoutMs = this.#other instanceof NftWay ? READ_MS : ONLY_READ_MS;
    try {
      const text = await this.#run([save, ...words, '-t', 'filter'], { timeoutMs });
      if (isWholeSave(text, 'filter')) return text;
      const why = reasonIn(text) ?? (text === '' ? 'printed nothing' : 'was cut short');
      throw new Unreadable(family, `${save}: ${why}`);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const { timedOut, stderr } = error.failure;
      const why = `${save}: ${timedOut ? `no answer within ${timeoutMs / 1_000} s` : (reasonIn(stderr) ?? error.message)}`;
      if (timedOut) this.#unread.spare(family, why, SPARED_MS);
      throw new Unreadable(family, why);
    }
  }

  /** Whether the filter table exists: asked for by name, iptables-nft-save prints one that does not. In doubt it does. */
  async exists(family: Family): Promise<boolean> {
    try {
      if (this.#other instanceof NftWay) return await this.#other.exists(family);
      return /^\*filter$/m.test(await this.saveAll(family));
    } catch {
      return true;
    }
  }

  /** Families in which no packet meets any rule of the filter table, ours or not, and why; none, as far as it can be told. */
  async asleep(): Promise<ReadonlyMap<Family, string>> {
    if (!(this.#other instanceof NftWay)) return new Map();
    const dormant = await this.#other.dormant().catch(() => []); // nft that fails is no reason to trip
    return new Map(dormant.map((family) => [family, dormantNote(family)]));
  }

  /** Everything of a family, as far as a save tells it, for the snapshot (see unsavedTable). */
  async saveAll(family: Family): Promise<string> {
    return this.#run([this.backend.tools[family].save], { timeoutMs: READ_MS });
  }

  /**
   * Takes an nft filter table out that is as good as not there: no rules, no chains but the built-in
   * ones with the policy ACCEPT. Legacy tables cannot be taken out. Without the nft program it stays.
   */
  async dropIfEmpty(family: Family): Promise<void> {
    const nft = findTool('nft');
    if (this.backend.name !== 'nft' || nft === undefined || this.unread.has(family)) return;
    if (!(await this.exists(family))) return; // a start that failed may not have got so far as to make it
    if (!isPristine(await this.#saveFilter(family))) return;
    await this.#run([nft, 'delete', 'table', family === 4 ? 'ip' : 'ip6', 'filter'], {});
  }

  /**
   * Applies one transaction, whole or not at all; where the last reading came by the second way, in two steps, what goes after what
   * is made. An empty one is a fault of ours: the tools would call it a success.
   */
  async apply(family: Family, text: string): Promise<void> {
    if (text === '') throw new Error('an empty transaction');
    const reading = this.#unread.reading(family);
    await (reading === undefined ? this.#restore(family, text) : reading.apply(text));
  }

  async #restore(family: Family, text: string): Promise<void> {
    const { restore } = this.backend.tools[family];
    await this.#run([restore, '--noflush', '-w', String(LOCK_WAIT_S)], { input: text });
  }

  /** True for a process of ours: what it changed we did. */
  isOwn(pid: number): boolean {
    return this.#own.has(pid);
  }

  #otherWay(): OtherWay | undefined {
    if (this.backend === NO_BACKEND) return undefined;
    const tool = (family: Family): string => this.backend.tools[family].save.replace(/-save$/, '');
    const common = {
      iptables: { 4: tool(4), 6: tool(6) },
      run: async (argv: readonly string[], input?: string): Promise<string> =>
        this.#run(argv, { timeoutMs: READ_MS, ...(input === undefined ? {} : { input }) }),
      restore: async (family: Family, text: string): Promise<void> => this.#restore(family, text),
    };
    const nft = this.backend.name === 'nft' ? findTool('nft') : undefined;
    return nft === undefined ? new ChainWay(common) : new NftWay({ ...common, nft });
  }

  async #run(argv: readonly string[], options: ExecOptions): Promise<string> {
    const spawned = (pid: number): void => {
      this.#own.add(pid);
      for (const oldest of this.#own) {
        if (this.#own.size <= REMEMBERED) break;
        this.#own.delete(oldest);
      }
    };
    try {
      return await execOk(this.#exec, argv, { timeoutMs: TIMEOUT_MS, ...options, spawned });
    } catch (error) {
      throw error instanceof CommandError ? explain(error) : error;
    }
  }
}

function dormantNote(family: Family): string {
  const place = `${family === 4 ? 'ip' : 'ip6'} filter`;
  return `the table ${place} is dormant, so no packet meets a rule in it: nft add table ${place} wakes it`;
}

/** A save without the counters of its rules. */
function uncounted(text: string, counts?: Map<string, number>): string {
  return text.replaceAll(/^\[(\d+):\d+\] (-A (\S+))/gm, (_, packets: string, rule: string, chain: string) => {
    counts?.set(chain, Number(packets));
    return rule;
  });
}

/** A filter table that is there, and empty. Nothing is passed over: what cannot be read is not ours to delete. */
function isPristine(saved: string): boolean {
  const lines = saved.split('\n').filter((line) => !/^(?:$|# Generated by |# Completed on )/.test(line));
  return (
    lines.length > 0 && lines.every((line) => /^(?:\*filter|COMMIT|:\S+ ACCEPT \[\d+:\d+\])$/.test(line))
  );
}

/** What the usual failures of iptables mean to an administrator. */
function explain(error: CommandError): KnockError {
  const { stderr } = error.failure;
  if (/xtables lock/i.test(stderr)) {
    return new KnockError('another program holds the xtables lock', {
      exitCode: EXIT.busy,
      hint: 'nothing was changed; try again in a moment (who holds it: fuser -v /run/xtables.lock)',
      cause: error,
    });
  }
  if (/can't initialize ip6tables|address family not supported/i.test(stderr)) {
    return new KnockError('this kernel has no IPv6 firewall', {
      exitCode: EXIT.firewall,
      hint: 'where IPv6 is switched off, set families = ipv4 in [firewall]',
      cause: error,
    });
  }
  if (/can't open socket to ipset/i.test(stderr)) {
    return new KnockError('iptables may not ask the kernel for its sets (CAP_NET_RAW is missing)', {
      exitCode: EXIT.firewall,
      hint: 'run as root; in a container, give it --cap-add NET_RAW',
      cause: error,
    });
  }
  if (/permission denied|must be root|operation not permitted/i.test(stderr)) {
    return new KnockError('the kernel does not let us change the firewall (CAP_NET_ADMIN is missing)', {
      exitCode: EXIT.firewall,
      hint: 'run as root; in a container, give it --cap-add NET_ADMIN',
      cause: error,
    });
  }
  return error;
}

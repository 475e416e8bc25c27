import type { Family } from '../base/address.js';
import { CommandError, EXIT, KnockError } from '../base/errors.js';
import { parse } from '../iptables-parser/parse.js';
import type { Ruleset } from '../iptables-parser/types.js';
import { execOk, type Exec, type ExecOptions } from '../system/exec.js';
import { findTool } from '../system/tools.js';
import type { BackendName } from './backend-name.js';
import { namedBackend, NO_BACKEND, type Backend } from './backend.js';
import type { TableName } from './table-name.js';

/** How long a legacy iptables waits for the xtables lock, and when we end it whatever it waits for. */
const LOCK_WAIT_S = 5;
const TIMEOUT_MS = 20_000;
/** Of our own processes so many are remembered, to tell their changes from those of others. */
const REMEMBERED = 64;

/** The tables of both families that rules of ours stand in: whole saves and whole transactions. */
export class Tables {
  readonly #exec: Exec;
  readonly #own = new Set<number>();
  readonly backend: Backend;

  constructor(exec: Exec, backend: Backend) {
    this.#exec = exec;
    this.backend = backend;
  }

  /** The tables of a back end that is not the one chosen now. Throws KnockError where it is not installed. */
  in(name: BackendName): Tables {
    if (name === this.backend.name && this.backend !== NO_BACKEND) return this;
    return new Tables(this.#exec, namedBackend(name, 'rules of ours may be left in it'));
  }

  /**
   * A table in force, by default filter; a ruleset without tables where there is none. `mine` tells the lines
   * that matter to us: a rule of somebody else that cannot be parsed is passed over. `counts` gets the packets that the
   * last rule of each chain has seen.
   */
  async read(
    family: Family,
    mine: (line: string) => boolean,
    counts?: Map<string, number>,
    table: TableName = 'filter',
  ): Promise<Ruleset> {
    const text = uncounted(await this.#save(family, table, '-c'), counts);
    try {
      return parse(text);
    } catch {
      const lines = text.split('\n').filter((line) => !line.startsWith('-') || mine(line));
      return parse(lines.join('\n'));
    }
  }

  async #save(family: Family, table: TableName, ...words: readonly string[]): Promise<string> {
    return this.#run([this.backend.tools[family].save, ...words, '-t', table], {});
  }

  /**
   * Whether a table exists, by default filter: asked for by name, iptables-nft-save prints one that does not, and
   * iptables-legacy-save makes it.
   */
  async exists(family: Family, table: TableName = 'filter'): Promise<boolean> {
    return new RegExp(`^\\*${table}$`, 'm').test(await this.saveAll(family));
  }

  /** Everything of a family, for the snapshot. */
  async saveAll(family: Family): Promise<string> {
    return this.#run([this.backend.tools[family].save], {});
  }

  /**
   * Takes an nft table out, by default filter, that is as good as not there: no rules, no chains but the built-in
   * ones with the policy ACCEPT. Legacy tables cannot be taken out. Without the nft program it stays.
   */
  async dropIfEmpty(family: Family, table: TableName = 'filter'): Promise<void> {
    const nft = findTool('nft');
    if (this.backend.name !== 'nft' || nft === undefined) return;
    if (!(await this.exists(family, table))) return; // a start that failed may not have got so far as to make it
    if (!isPristine(await this.#save(family, table), table)) return;
    await this.#run([nft, 'delete', 'table', family === 4 ? 'ip' : 'ip6', table], {});
  }

  /** Applies a transaction, whole or not at all; of those of two tables, one after the other. An empty one is a fault of ours: the tools would call it a success. */
  async apply(family: Family, text: string): Promise<void> {
    if (text === '') throw new Error('an empty transaction');
    const { restore } = this.backend.tools[family];
    await this.#run([restore, '--noflush', '-w', String(LOCK_WAIT_S)], { input: text });
  }

  /** True for a process of ours: what it changed we did. */
  isOwn(pid: number): boolean {
    return this.#own.has(pid);
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

/** A save without the counters of its rules. */
function uncounted(text: string, counts?: Map<string, number>): string {
  return text.replaceAll(/^\[(\d+):\d+\] (-A (\S+))/gm, (_, packets: string, rule: string, chain: string) => {
    counts?.set(chain, Number(packets));
    return rule;
  });
}

/** A table that is there, and empty. Nothing is passed over: what cannot be read is not ours to delete. */
function isPristine(saved: string, table: TableName): boolean {
  const lines = saved.split('\n').filter((line) => !/^(?:$|# Generated by |# Completed on )/.test(line));
  const empty = /^(?:COMMIT|:\S+ ACCEPT \[\d+:\d+\])$/;
  return lines.length > 0 && lines.every((line) => line === `*${table}` || empty.test(line));
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

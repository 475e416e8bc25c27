import type { Family } from '../../base/address.js';
import { CommandError } from '../../base/errors.js';
import { BUILT_IN } from './plan.js';
import type { FallbackReading, FallbackReader } from './otherwise.js';
import type { TableName } from '../model/table-name.js';

interface ChainReaderParts {
  /** The back end's iptables(8), by path. */
  readonly iptables: Readonly<Record<Family, string>>;
  /** Runs a command, and returns its output. Rejects if it fails. */
  readonly run: (argv: readonly string[]) => Promise<string>;
  readonly restore: (family: Family, text: string) => Promise<void>;
  /** The table to read. */
  readonly table: TableName;
}

/** A chain name that never exists. A program that shows such a chain cannot be trusted. */
const MISSING_CHAIN = 'knockctl.no-chain';
/** If a chain cannot be printed whole, its rules are printed one by one, a process each, up to this number. */
const MAX_RULES = 200;

/**
 * Reads knockctl's rules chain by chain with `iptables -S CHAIN`, for when iptables-save fails. A rule that iptables
 * cannot print (an extension that is not installed, measured with legacy 1.8.9) then blocks only its own chain, and the
 * other rules of that chain are printed by number. Only chains whose names are passed in are found.
 */
export class ChainReader implements FallbackReader {
  readonly name = 'iptables, chain by chain';
  readonly #parts: ChainReaderParts;

  constructor(parts: ChainReaderParts) {
    this.#parts = parts;
  }

  async read(
    family: Family,
    isOwn: (name: string) => boolean,
    chains: ReadonlySet<string>,
  ): Promise<FallbackReading> {
    if ((await this.#show(family, MISSING_CHAIN)) !== undefined)
      throw new Error('iptables shows a chain that does not exist');
    const lines: string[] = [];
    const rules: string[] = [];
    for (const name of new Set([...BUILT_IN, ...chains])) {
      const shown = await this.#chain(family, name);
      if (shown === undefined) continue; // does not exist
      lines.push(`:${name} ${BUILT_IN.includes(name) ? 'ACCEPT' : '-'} [0:0]`);
      rules.push(...shown.filter((line) => isOwn(line)));
    }
    return {
      text: [`*${this.#parts.table}`, ...lines, ...rules, 'COMMIT', ''].join('\n'),
      counts: new Map(),
      apply: async (text) => this.#parts.restore(family, text),
    };
  }

  /** Returns the rules of a chain; undefined if it does not exist. Throws if neither can be determined. */
  async #chain(family: Family, name: string): Promise<readonly string[] | undefined> {
    try {
      return await this.#show(family, name);
    } catch {
      return this.#readOneByOne(family, name);
    }
  }

  async #readOneByOne(family: Family, name: string): Promise<readonly string[]> {
    const rules: string[] = [];
    for (let number = 1; number <= MAX_RULES; number += 1) {
      let shown: readonly string[] | undefined;
      try {
        shown = await this.#show(family, name, number);
      } catch {
        continue; // a rule that cannot be printed is foreign: knockctl's rules all can
      }
      if (shown === undefined || shown.length === 0) return rules;
      rules.push(...shown);
    }
    throw new Error(`${name} cannot be shown, and has more than ${MAX_RULES} rules`);
  }

  /** Returns undefined if the chain does not exist: the program then exits with 1 and prints nothing. */
  async #show(family: Family, chain: string, number?: number): Promise<readonly string[] | undefined> {
    const { iptables, run, table } = this.#parts;
    try {
      const text = await run([
        iptables[family],
        '-t',
        table,
        '-S',
        chain,
        ...(number === undefined ? [] : [String(number)]),
      ]);
      return text.split('\n').filter((line) => line.startsWith('-A '));
    } catch (error) {
      if (error instanceof CommandError && isNoChain(error)) return undefined;
      throw error;
    }
  }
}

/** Both back ends use these words in the C locale, 1.8.7 to 1.8.11. Any other message proves nothing. */
function isNoChain({ failure: { exitCode, stderr } }: CommandError): boolean {
  return exitCode === 1 && /No chain\/target\/match by that name|does not exist/.test(stderr);
}

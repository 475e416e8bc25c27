import type { Family } from '../../base/address.js';
import { CommandError } from '../../base/errors.js';
import { BUILT_IN } from './plan.js';
import type { OtherReading, OtherWay } from './otherwise.js';
import type { TableName } from '../model/table-name.js';

interface ChainWayParts {
  /** Paths of iptables(8) of the back end. */
  readonly iptables: Readonly<Record<Family, string>>;
  /** Runs a command that must succeed, and gives what it printed. */
  readonly run: (argv: readonly string[]) => Promise<string>;
  readonly restore: (family: Family, text: string) => Promise<void>;
  /** The table that is read. */
  readonly table: TableName;
}

/** No chain of anybody has this name: who finds it tells nothing. */
const NOBODYS = 'knockctl.no-chain';
/** In a chain that cannot be shown whole so many rules are looked at one by one, a process each, before it is given up. */
const MAX_RULES = 200;

/**
 * Our rules chain by chain, `iptables -S CHAIN`, for when a save does not tell them: it shows no rule of other chains, so a rule that
 * the program cannot print (an extension that is not installed, measured with legacy 1.8.9) is in its way in its own chain only; and
 * there the others are shown by their numbers. Chains are known by the names that they are looked for by.
 */
export class ChainWay implements OtherWay {
  readonly name = 'iptables, chain by chain';
  readonly #parts: ChainWayParts;

  constructor(parts: ChainWayParts) {
    this.#parts = parts;
  }

  async read(
    family: Family,
    mine: (name: string) => boolean,
    chains: ReadonlySet<string>,
  ): Promise<OtherReading> {
    if ((await this.#show(family, NOBODYS)) !== undefined)
      throw new Error('iptables shows a chain that is not there');
    const lines: string[] = [];
    const rules: string[] = [];
    for (const name of new Set([...BUILT_IN, ...chains])) {
      const shown = await this.#chain(family, name);
      if (shown === undefined) continue; // not there
      lines.push(`:${name} ${BUILT_IN.includes(name) ? 'ACCEPT' : '-'} [0:0]`);
      rules.push(...shown.filter((line) => mine(line)));
    }
    return {
      text: [`*${this.#parts.table}`, ...lines, ...rules, 'COMMIT', ''].join('\n'),
      counts: new Map(),
      apply: async (text) => this.#parts.restore(family, text),
    };
  }

  /** The rules of a chain; undefined where there is none. Throws where that cannot be told. */
  async #chain(family: Family, name: string): Promise<readonly string[] | undefined> {
    try {
      return await this.#show(family, name);
    } catch {
      return this.#oneByOne(family, name);
    }
  }

  async #oneByOne(family: Family, name: string): Promise<readonly string[]> {
    const rules: string[] = [];
    for (let number = 1; number <= MAX_RULES; number += 1) {
      let shown: readonly string[] | undefined;
      try {
        shown = await this.#show(family, name, number);
      } catch {
        continue; // one that cannot be printed: ours all can
      }
      if (shown === undefined || shown.length === 0) return rules;
      rules.push(...shown);
    }
    throw new Error(`${name} cannot be shown, and has more than ${MAX_RULES} rules`);
  }

  /** Undefined where there is no such chain: the program ends with 1 then, and prints nothing. */
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

/** Both back ends say so in these words, 1.8.7 to 1.8.11, in the C locale; what says anything else tells nothing. */
function isNoChain({ failure: { exitCode, stderr } }: CommandError): boolean {
  return exitCode === 1 && /No chain\/target\/match by that name|does not exist/.test(stderr);
}

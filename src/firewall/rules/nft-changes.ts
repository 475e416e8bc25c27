/** Parses the output of `nft monitor` (nft(8)), and picks the changes that concern knockctl. Pure. */

/** The process that made a change of the ruleset, as the kernel reports it. */
export interface ChangeAuthor {
  readonly pid: number;
  /** The process's name, at most 15 characters (comm). */
  readonly name: string;
}

/** The chains to watch: knockctl's own, and the parent chains of its jumps. */
export interface WatchedChains {
  readonly own: ReadonlySet<string>;
  readonly hooks: ReadonlySet<string>;
  /** The iptables tables of these chains; filter by default. */
  readonly tables?: ReadonlySet<string>;
}

const FILTER: ReadonlySet<string> = new Set(['filter']);

const CHANGE = /^(add|create|insert|replace|delete|destroy) (table|chain|rule) ip6? (\S+)(?: (\S+))?/;
const GENERATION = /^# new generation \d+ by process (\d+) \((.*)\)$/;
/** Longer lines are cut, because a rule may have a comment of any length. */
const MAX_LINE = 10_000;

/**
 * True for a line after which knockctl's rules may have changed: any change in one of its chains, a removal in a parent
 * chain, the removal of a table, or a new parent chain, because a jump may wait for it. Rules that others add beside
 * the jump do not count.
 */
export function concerns(line: string, { own, hooks, tables = FILTER }: WatchedChains): boolean {
  const change = CHANGE.exec(line);
  if (change === null) return false;
  const [, verb = '', kind, table = '', chain = ''] = change;
  if (!tables.has(table)) return false;
  const removes = verb === 'delete' || verb === 'destroy' || verb === 'replace';
  if (kind === 'table') return removes;
  if (own.has(chain)) return true;
  if (!hooks.has(chain)) return false;
  const isNew = kind === 'chain' && !line.includes('{'); // built-in chains have a hook in braces
  return removes || isNew || line.split(/\s+/).some((word) => own.has(word));
}

/** Parses the monitor's output, in chunks of any size, and reports the author of each change that concerns knockctl. */
export class ChangeReader {
  readonly #watched: WatchedChains;
  readonly #changed: (author: ChangeAuthor) => void;
  #rest = '';
  #concerned = false;
  #isChange = false;
  #count = 0;
  #lastAuthor: ChangeAuthor | undefined;

  constructor(watched: WatchedChains, changed: (author: ChangeAuthor) => void) {
    this.#watched = watched;
    this.#changed = changed;
  }

  /** How many chunks have been read so far: every transaction of any process counts, failed ones too. */
  get count(): number {
    return this.#count;
  }

  /** The author of the last change of an iptables table, of any kind. */
  get lastAuthor(): ChangeAuthor | undefined {
    return this.#lastAuthor;
  }

  push(text: string): void {
    this.#count += 1;
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    for (const line of lines) this.#readLine(line);
  }

  #readLine(line: string): void {
    const generation = GENERATION.exec(line);
    if (generation === null) {
      this.#concerned ||= concerns(line, this.#watched);
      this.#isChange ||= CHANGE.test(line);
      return;
    }
    const concerned = this.#concerned;
    const author = { pid: Number(generation[1]), name: generation[2] ?? '' };
    if (this.#isChange) this.#lastAuthor = author;
    this.#concerned = false;
    this.#isChange = false;
    if (concerned) this.#changed(author);
  }
}

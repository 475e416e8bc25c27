/** What `nft monitor` (nft(8)) prints, and which of it concerns us. Pure. */

/** Who made one change of the ruleset: its process, by the kernel's account. */
export interface ChangeAuthor {
  readonly pid: number;
  /** The process's name, at most 15 characters (comm). */
  readonly name: string;
}

/** Our chains, and those of others that hold our jumps; in the tables of iptables and ip6tables that have rules of ours. */
export interface WatchedChains {
  readonly own: ReadonlySet<string>;
  readonly hooks: ReadonlySet<string>;
  /** The tables of iptables that these stand in; filter alone where it is not said. */
  readonly tables?: ReadonlySet<string>;
}

const FILTER: ReadonlySet<string> = new Set(['filter']);

const CHANGE = /^(add|create|insert|replace|delete|destroy) (table|chain|rule) ip6? (\S+)(?: (\S+))?/;
const GENERATION = /^# new generation \d+ by process (\d+) \((.*)\)$/;
/** Longer lines are cut: a rule may hold a comment of any length. */
const MAX_LINE = 10_000;

/**
 * True for a line after which our rules may not be what they were: anything in a chain of ours, a
 * removal in a chain that holds a jump of ours, or of a whole table; or such a chain that is new, for our jump may wait
 * for it. What others add beside us is theirs.
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

/** Reads what the monitor prints, in whatever pieces it comes, and tells of each change that concerns us who made it. */
export class ChangeReader {
  readonly #watched: WatchedChains;
  readonly #changed: (author: ChangeAuthor) => void;
  #rest = '';
  #concerned = false;
  #isChange = false;
  #count = 0;
  #last: ChangeAuthor | undefined;

  constructor(watched: WatchedChains, changed: (author: ChangeAuthor) => void) {
    this.#watched = watched;
    this.#changed = changed;
  }

  /** How often it has printed anything so far: each transaction, of anybody, is among that, and so is what it fails at. */
  get count(): number {
    return this.#count;
  }

  /** Who made the last change of a filter table, whatever it was. */
  get last(): ChangeAuthor | undefined {
    return this.#last;
  }

  push(text: string): void {
    this.#count += 1;
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const generation = GENERATION.exec(line);
    if (generation === null) {
      this.#concerned ||= concerns(line, this.#watched);
      this.#isChange ||= CHANGE.test(line);
      return;
    }
    const concerned = this.#concerned;
    const author = { pid: Number(generation[1]), name: generation[2] ?? '' };
    if (this.#isChange) this.#last = author;
    this.#concerned = false;
    this.#isChange = false;
    if (concerned) this.#changed(author);
  }
}

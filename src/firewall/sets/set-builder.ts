import type { Sentinels } from './sentinel.js';
import type { Ipset } from './ipset.js';
import { freshName } from '../model/names.js';
import type { RestoredEntries, PersistencePort } from './persistence-port.js';
import { addLines, parseHeaders, roomOf, type SetSpec } from './set-specs.js';

/** What builds sets, and what they are filled with. */
interface BuilderParts {
  readonly ipset: Pick<Ipset, 'list' | 'batch'>;
  readonly memory: PersistencePort;
  readonly sentinels: Sentinels;
}

/**
 * Makes sets under another name and fills them. Only when that is done do they get their own: a set that is there is
 * whole, although `ipset restore` is not, and carries out even a last line that was cut off (measured, ipset 7.17).
 */
export class SetBuilder {
  readonly #parts: BuilderParts;

  constructor(parts: BuilderParts) {
    this.#parts = parts;
  }

  /** Makes sets with what is remembered of them; `first`: lines that make room for them. */
  async recall(missing: readonly SetSpec[], first: readonly string[]): Promise<void> {
    const { ipset, memory } = this.#parts;
    const recalled = new Map<string, RestoredEntries>();
    for (const { name } of missing) recalled.set(name, await memory.restore(name));
    const full = [...recalled].filter(([, { count }]) => count > 0).map(([name]) => name);
    try {
      await this.#build(missing, recalled);
    } catch (error) {
      if (full.length === 0) throw error;
      memory.restoreFailed(full, error); // better a host without its old bans than one without rules
      await this.#build(missing, new Map());
    }
    const renames = missing.map(({ name }) => `rename ${freshName(name)} ${name}`);
    await ipset.batch([...first, ...renames]);
  }

  /** Puts other entries in place of all that a set holds, in one moment. The set must exist. */
  async refill(spec: SetSpec, recalled: RestoredEntries): Promise<void> {
    const { name } = spec;
    await this.#build([spec], new Map([[name, recalled]]));
    await this.#parts.ipset.batch([`swap ${freshName(name)} ${name}`, `destroy ${freshName(name)}`]);
  }

  async #build(specs: readonly SetSpec[], recalled: ReadonlyMap<string, RestoredEntries>): Promise<void> {
    const { ipset, sentinels } = this.#parts;
    const existing = parseHeaders(await ipset.list());
    const lines: string[] = [];
    for (const { name, create } of specs) {
      const fresh = freshName(name);
      if (existing.has(fresh)) lines.push(`destroy ${fresh}`); // of a life that was cut short
      lines.push(`create ${fresh} ${create}`);
      const sentinel = sentinels.lines(name, fresh);
      // Of a list that was full one has to give way: else none would go in.
      const entries = (recalled.get(name)?.entries() ?? []).slice(0, roomOf(create) - sentinel.length);
      lines.push(...sentinel);
      for (const line of addLines(fresh, entries)) lines.push(line);
    }
    await ipset.batch(lines);
  }
}

import type { Sentinels } from './sentinel.js';
import type { Ipset } from './ipset.js';
import { freshName } from '../model/names.js';
import type { RestoredEntries, PersistencePort } from './persistence-port.js';
import { addLines, parseHeaders, capacityOf, type SetSpec } from './set-specs.js';

/** What the builder needs. */
interface BuilderParts {
  readonly ipset: Pick<Ipset, 'list' | 'batch'>;
  readonly memory: PersistencePort;
  readonly sentinels: Sentinels;
}

/**
 * Makes and fills sets under a temporary name, then renames them. So a set that exists is whole, although `ipset
 * restore` is not atomic, and even executes a last line that was cut off (measured, ipset 7.17).
 */
export class SetBuilder {
  readonly #parts: BuilderParts;

  constructor(parts: BuilderParts) {
    this.#parts = parts;
  }

  /** Makes missing sets with their saved entries; `first`: lines that remove sets in the way. */
  async createRestored(missing: readonly SetSpec[], first: readonly string[]): Promise<void> {
    const { ipset, memory } = this.#parts;
    const restored = new Map<string, RestoredEntries>();
    for (const { name } of missing) restored.set(name, await memory.restore(name));
    const full = [...restored].filter(([, { count }]) => count > 0).map(([name]) => name);
    try {
      await this.#build(missing, restored);
    } catch (error) {
      if (full.length === 0) throw error;
      memory.restoreFailed(full, error); // better a host without its old bans than one without rules
      await this.#build(missing, new Map());
    }
    const renames = missing.map(({ name }) => `rename ${freshName(name)} ${name}`);
    await ipset.batch([...first, ...renames]);
  }

  /** Replaces all entries of a set atomically. The set must exist. */
  async refill(spec: SetSpec, restored: RestoredEntries): Promise<void> {
    const { name } = spec;
    await this.#build([spec], new Map([[name, restored]]));
    await this.#parts.ipset.batch([`swap ${freshName(name)} ${name}`, `destroy ${freshName(name)}`]);
  }

  async #build(specs: readonly SetSpec[], restored: ReadonlyMap<string, RestoredEntries>): Promise<void> {
    const { ipset, sentinels } = this.#parts;
    const existing = parseHeaders(await ipset.list());
    const lines: string[] = [];
    for (const { name, create } of specs) {
      const fresh = freshName(name);
      if (existing.has(fresh)) lines.push(`destroy ${fresh}`); // left by a run that was interrupted
      lines.push(`create ${fresh} ${create}`);
      const sentinel = sentinels.lines(name, fresh);
      // A full list must give up one entry: otherwise none could be added.
      const entries = (restored.get(name)?.entries() ?? []).slice(0, capacityOf(create) - sentinel.length);
      lines.push(...sentinel);
      for (const line of addLines(fresh, entries)) lines.push(line);
    }
    await ipset.batch(lines);
  }
}

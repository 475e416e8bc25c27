import type { IniEntry, IniFile, IniSection } from './ini.js';
import type { Key } from './schema.js';

/** Gives keys their values from a file. `section` is the name in the file, where it is not the key's own. */
export class Reader {
  readonly #ini: IniFile;

  constructor(ini: IniFile) {
    this.#ini = ini;
  }

  get sections(): readonly IniSection[] {
    return [...this.#ini.sections.values()];
  }

  /** The value written, or the default where there is none or one that is at fault. */
  get<T>(key: Key<T>, section?: string): T {
    const entry = this.#entry(key, section);
    const parsed = entry === undefined ? undefined : key.parse(entry.value);
    return parsed?.ok === true ? parsed.value : key.fallback;
  }

  /** The line of the key; 0 where it is not written. */
  line(key: Key<unknown>, section?: string): number {
    return this.#entry(key, section)?.line ?? 0;
  }

  /** True where the key is written with a value that is at fault. */
  isBroken(key: Key<unknown>, section?: string): boolean {
    const entry = this.#entry(key, section);
    return entry !== undefined && !key.parse(entry.value).ok;
  }

  hasComment(key: Key<unknown>): boolean {
    return this.#entry(key)?.hasComment ?? false;
  }

  #entry(key: Key<unknown>, section: string = key.section): IniEntry | undefined {
    return this.#ini.sections.get(section)?.entries.get(key.name);
  }
}

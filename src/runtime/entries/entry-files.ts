import { readdirSync } from 'node:fs';

import type { Family } from '../../base/address.js';
import { errorText } from '../../base/errors.js';
import type { SetList } from '../../base/lists.js';
import {
  isBeingWritten,
  makePrivateFolder,
  removeFile,
  removeFileForGood,
  replaceFileInParts,
  setAside,
} from '../../system/files.js';
import { setDamagedAside } from '../../system/state-file.js';
import { readStrict, UntrustedFile } from '../../system/strict-file.js';
import type { BootTimestamp } from '../../system/boot-timestamp.js';
import { checkLines, openEntries, renderEntries, type SavedEntry } from './entry-codec.js';
import type { Journal } from '../journal/journal.js';

/** A set that is kept, as its name tells it. */
export interface KeptSet {
  readonly name: string;
  readonly list: SetList;
  readonly family: Family;
}

/** What a file tells. */
interface ReadEntries {
  readonly entries: readonly SavedEntry[];
  /** When that was so. */
  readonly since: BootTimestamp;
}

export interface EntryFolders {
  /** For what outlives a reboot: who was accepted or banned. */
  readonly state: string;
  /** For what lives as long as the kernel does: who was trusted by hand, and not for good. */
  readonly run: string;
}

/** The file of each set. What cannot be believed is reported, put aside, and not used. */
export class EntryFiles {
  readonly #folders: EntryFolders;
  readonly #journal: Pick<Journal, 'record'>;

  constructor(folders: EntryFolders, journal: Pick<Journal, 'record'>) {
    this.#folders = folders;
    this.#journal = journal;
  }

  path(set: KeptSet): string {
    return `${this.#folder(set)}/${set.name}`;
  }

  /** What a set held when its file was written; undefined where that is nothing, or nothing that can be believed. */
  async read(set: KeptSet, now: BootTimestamp): Promise<ReadEntries | undefined> {
    const path = this.path(set);
    let text: string | undefined;
    try {
      text = readStrict(path);
      if (text === undefined) return undefined;
    } catch (error) {
      if (error instanceof UntrustedFile) {
        this.#distrust(path, error.weakness.text);
        return undefined;
      }
      this.#report(`${path} cannot be read: ${errorText(error)}; its entries are not used`);
      return undefined;
    }
    const saved = openEntries(text, set.name);
    if (!saved.ok) {
      this.#distrust(path, saved.reason);
      return undefined;
    }
    // Who was trusted by hand is not trusted for ever: a reboot ends it.
    if (set.list === 'trusted' && saved.value.moment.bootId !== now.bootId) return undefined;
    const entries: SavedEntry[] = [];
    const faults: string[] = [];
    for (const part of checkLines(saved.value.lines, set.name, set.family)) {
      for (const entry of part.entries) entries.push(entry);
      faults.push(...part.faults);
      await nextTurn();
    }
    if (faults.length > 0) {
      const more = faults.length > 1 ? `, and ${faults.length - 1} more` : '';
      this.#report(`${path}: ${faults[0] ?? ''}${more}: not put back`);
    }
    return { entries, since: saved.value.moment };
  }

  /** Writes what a set holds; nothing is kept of one that is empty, and for that there is always space. */
  async write(
    set: KeptSet,
    moment: BootTimestamp,
    lines: string,
    refine?: (part: string) => string,
  ): Promise<void> {
    const path = this.path(set);
    if (lines === '') {
      await removeFileForGood(path);
      return;
    }
    makePrivateFolder(this.#folder(set));
    await replaceFileInParts(path, renderEntries(set.name, moment, lines, refine));
  }

  /** Takes a file out of use, and keeps it; gives its new name. */
  putAside(set: KeptSet): string {
    return setAside(this.path(set));
  }

  /** Removes the file of a set. */
  forget(set: KeptSet): void {
    removeFile(this.path(set));
  }

  /** Removes the files of sets that are no longer ours, and what a write that was cut short has left. */
  dropStrangers(known: ReadonlySet<string>): void {
    for (const folder of [this.#folders.state, this.#folders.run]) {
      for (const name of names(folder)) {
        if (known.has(name) || name.endsWith('.damaged') || isBeingWritten(name)) continue;
        removeFile(`${folder}/${name}`);
        if (name.endsWith('.tmp')) continue;
        const text = `the entries kept in ${folder}/${name} are dropped: the configuration has no such service`;
        this.#journal.record('entries', text, {}, 'warn');
      }
    }
  }

  #folder({ list }: KeptSet): string {
    return list === 'trusted' ? this.#folders.run : this.#folders.state;
  }

  #distrust(path: string, fault: string): void {
    this.#report(setDamagedAside(path, [fault], 'nothing in it is used'));
  }

  #report(text: string): void {
    this.#journal.record('entries', text, {}, 'error');
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not made yet
  }
}

/** Lets the event loop do what waits: heartbeats do. */
async function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

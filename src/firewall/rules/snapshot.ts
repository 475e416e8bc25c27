import { readdirSync } from 'node:fs';

import type { Family } from '../../base/address.js';
import { KnockError } from '../../base/errors.js';
import { makePrivateFolder, removeFile, replaceFile } from '../../system/files.js';
import { unsavedTable } from './saved.js';
import type { Tables } from './tables.js';

/** Snapshots kept: the newest of them, a file for each family. */
const KEPT = 10;
const FILE = /^rules-.*\.v[46]$/;

/**
 * Saves the whole rulesets of the families, as they are before our first rule, to
 * `<folder>/rules-<time>.v4` and `.v6`, for iptables-restore. Gives the paths. Throws KnockError, once all
 * is written, where a save has left something out.
 */
export async function takeSnapshot(
  tables: Tables,
  families: readonly Family[],
  folder: string,
  now: Date,
): Promise<string[]> {
  makePrivateFolder(folder);
  const stamp = now.toISOString().replaceAll(':', '-');
  const paths: string[] = [];
  const gaps: string[] = [];
  for (const family of families) {
    const path = `${folder}/rules-${stamp}.v${family}`;
    const text = await tables.saveAll(family);
    replaceFile(path, text);
    paths.push(path);
    const missing = unsavedTable(text);
    if (missing !== undefined)
      gaps.push(`${path} is not whole: ${missing} (nft list ruleset shows the rest)`);
  }
  const old = readdirSync(folder)
    .filter((name) => FILE.test(name))
    .sort();
  for (const name of old.slice(0, Math.max(0, old.length - KEPT))) removeFile(`${folder}/${name}`);
  if (gaps.length > 0) throw new KnockError(gaps.join('; '));
  return paths;
}

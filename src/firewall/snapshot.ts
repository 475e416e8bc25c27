import { readdirSync } from 'node:fs';

import type { Family } from '../base/address.js';
import { makePrivateFolder, removeFile, replaceFile } from '../system/files.js';
import type { Tables } from './tables.js';

/** Snapshots kept: the newest of them, a file for each family. */
const KEPT = 10;
const FILE = /^rules-.*\.v[46]$/;

/**
 * Saves the whole rulesets of the families, as they are before our first rule, to
 * `<folder>/rules-<time>.v4` and `.v6`, for iptables-restore. Gives the paths.
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
  for (const family of families) {
    const path = `${folder}/rules-${stamp}.v${family}`;
    replaceFile(path, await tables.saveAll(family));
    paths.push(path);
  }
  const old = readdirSync(folder)
    .filter((name) => FILE.test(name))
    .sort();
  for (const name of old.slice(0, Math.max(0, old.length - KEPT))) removeFile(`${folder}/${name}`);
  return paths;
}

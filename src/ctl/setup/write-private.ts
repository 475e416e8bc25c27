import { chmodSync, existsSync } from 'node:fs';
import { dirname } from 'node:path';

import { errorText, KnockError } from '../../base/errors.js';
import { makePrivateFolder, readIfExists, replaceFile } from '../../system/files.js';

/** Throws KnockError, with the hint, where one of the files is there already. */
export function refuseExisting(paths: readonly string[], hint: string): void {
  const existing = paths.filter((path) => existsSync(path));
  if (existing.length > 0) throw new KnockError(`there is already ${existing.join(' and ')}`, { hint });
}

/**
 * Writes files for their owner only, in their order; one that is replaced too. What was in that is kept beside it: gives
 * the paths of these copies. Throws KnockError.
 */
export function writePrivate(files: ReadonlyMap<string, string>): readonly string[] {
  const copies = new Map<string, string>();
  for (const [path, text] of files) {
    const former = orFail(path, () => readIfExists(path));
    if (former !== undefined && former !== text) copies.set(`${path}.old`, former);
  }
  // All copies are on disk before the first file is replaced.
  for (const [path, text] of [...copies, ...files]) {
    orFail(path, () => {
      makePrivateFolder(dirname(path));
      // A file that is replaced keeps its mode.
      if (existsSync(path)) chmodSync(path, 0o600);
      replaceFile(path, text);
    });
  }
  return [...copies.keys()];
}

function orFail<T>(path: string, job: () => T): T {
  try {
    return job();
  } catch (cause) {
    throw new KnockError(`cannot write to ${dirname(path)}: ${errorText(cause)}`, {
      hint: 'choose a folder that only root can write in',
      cause,
    });
  }
}

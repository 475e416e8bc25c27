import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const OTHERS_READ = 0o004;
const OTHERS_ENTER = 0o001;

/** True where every user of this host can read the file: by its mode, and that of each folder above. False where it is not there. */
export function isReadableByOthers(path: string): boolean {
  const mode = (of: string): number => statSync(of, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode(path) & OTHERS_READ) === 0) return false;
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    if ((mode(folder) & OTHERS_ENTER) === 0) return false;
    if (folder === '/') return true;
  }
}

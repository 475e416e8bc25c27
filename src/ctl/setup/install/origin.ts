import { EXIT, KnockError } from '../../../base/errors.js';
import { shipped } from '../../../system/install-paths.js';
import { weakTree } from '../../../system/strict-file.js';

/** What root runs, or reads, of the package: the programs, the compiled modules that they load, and what is installed. */
const BELIEVED = [
  'dist/app',
  'init',
  'native/build',
  'rules',
  'docs/man',
  'package.json',
  'node_modules/cap',
  'node_modules/bindings',
  'node_modules/file-uri-to-path',
] as const;

/** Throws KnockError where others than root could change the programs that would be run as root. */
export function requireOwnOrigin(): void {
  const top = shipped('').replace(/\/$/, '');
  for (const path of BELIEVED) {
    const weakness = weakTree(shipped(path));
    if (weakness === undefined) continue;
    throw new KnockError(`others could change what root would run from ${top}: ${weakness.text}`, {
      exitCode: EXIT.refused,
      hint: `nothing was changed; npm pack && npm install -g knockctl-*.tgz makes a copy that is root's; or ${weakness.fix}, and so for all of ${top}`,
    });
  }
}

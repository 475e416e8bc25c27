import { loadConfig } from '../config/load.js';
import type { LoadOptions } from '../config/load-options.js';
import { locatePaths } from '../config/locate.js';
import type { Config } from '../config/settings.js';
import { isSupervised } from '../firewall/ownership/inventory.js';
import { readIfExists } from '../system/files.js';
import { ownSources } from '../system/own-addresses.js';
import { isReadableByOthers, readStrict, weakFolders } from '../system/strict-file.js';

/** What becomes of files that others could have written: `strict`, each is a fault; `lenient`, it is left out. */
export type Belief = 'strict' | 'lenient';

/** The configuration, as it is to be judged by what is in force now. Throws ConfigError. */
export function load(options: LoadOptions, belief: Belief): Config {
  return loadConfig(options, readStrict, {
    inForce: isInForce(options.file),
    ownSources,
    leavesOut: belief === 'lenient',
    lockouts: belief === 'lenient' ? 'tell' : 'refuse',
    // What stands for knockd says no more in its log than knockd does.
    files: {
      isReadableByOthers: options.front === undefined ? isReadableByOthers : () => false,
      weakFolders,
    },
  });
}

function isInForce(file: string | undefined): boolean {
  try {
    return isSupervised(locatePaths(file, readIfExists).inventory);
  } catch {
    return false; // a file that cannot be read: loadConfig says so
  }
}

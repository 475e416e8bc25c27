import { dirname } from 'node:path';

import { loadConfig } from '../config/load.js';
import type { LoadOptions } from '../config/load-options.js';
import { locatePaths } from '../config/locate.js';
import type { Config } from '../config/settings.js';
import { isSupervised } from '../firewall/footprint.js';
import { readIfExists } from '../system/files.js';
import { ownSources } from '../system/own-addresses.js';

/** The configuration, as it is to be judged by what is in force now. Throws ConfigError. */
export function load(options: LoadOptions): Config {
  return loadConfig(options, readIfExists, { inForce: isInForce(options.file), ownSources });
}

function isInForce(file: string | undefined): boolean {
  try {
    return isSupervised(dirname(locatePaths(file, readIfExists).lock));
  } catch {
    return false; // a file that cannot be read: loadConfig says so
  }
}

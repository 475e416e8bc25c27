import { dirname } from 'node:path';

import { loadConfig } from '../config/load.js';
import type { LoadOptions } from '../config/load-options.js';
import { locatePaths } from '../config/locate.js';
import type { Config } from '../config/settings.js';
import { readFootprint } from '../firewall/footprint.js';
import { readIfExists } from '../system/files.js';

/** The configuration, as it is to be judged by what is in force now. Throws ConfigError. */
export function load(options: LoadOptions): Config {
  const runFolder = dirname(locatePaths(options.file, readIfExists).lock);
  const inForce = readFootprint(runFolder)?.supervised === true;
  return loadConfig(options, readIfExists, { inForce });
}

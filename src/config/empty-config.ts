import { loadConfig } from './load.js';
import type { RunPaths } from './paths.js';
import type { Config } from './settings.js';

const FILE = 'knockctl.conf';

/**
 * A configuration without services and doors, in the folders of one that cannot be read: enough to take out of the kernel
 * what the run folder notes.
 */
export function emptyConfig({ run, state }: RunPaths): Config {
  const conf = `[paths]\nrun = ${run}\nstate = ${state}\n`;
  return loadConfig({ file: FILE }, (path) => (path === FILE ? conf : ''));
}

import { ConfigError } from '../base/errors.js';
import { parseKnockctlConf } from './knockctl/knockctl-conf.js';
import { DEFAULT_FILE } from './load.js';
import { type ReadText } from './load-options.js';
import { runPaths, type RunPaths } from './paths.js';

/**
 * Where a running supervisor is found, by knockctl.conf alone: a fault elsewhere in the
 * configuration must not keep anybody from talking to it. Throws ConfigError where a file that was
 * named does not exist.
 */
export function locatePaths(file: string | undefined, readText: ReadText): RunPaths {
  const path = file ?? DEFAULT_FILE;
  const text = readText(path);
  if (text === undefined && file !== undefined) {
    throw new ConfigError([{ file: path, line: 0, message: 'there is no such file' }]);
  }
  return runPaths(parseKnockctlConf(text ?? '', path).settings.paths);
}

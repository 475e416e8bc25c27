import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { DEFAULT_FILE } from '../../../config/load.js';
import { ConfigError } from '../../../base/errors.js';
import { KEYS } from '../../../config/knockctl/schema.js';
import type { Context } from '../../context.js';

/** Where the three files of a set-up stand. */
export interface Places {
  readonly conf: string;
  readonly doors: string;
  readonly trusted: string;
  /** Where the settings are not at their default place: [paths] must say where the others are, and these. */
  readonly paths: Folders | undefined;
  /** How knockctl is called for them. */
  readonly command: string;
}

interface Folders {
  readonly run: string;
  readonly state: string;
}

/** Where a set-up for this command line goes. */
export function placesOf(context: Context): Places {
  const { file } = context;
  const conf = file ?? DEFAULT_FILE;
  const folder = dirname(conf);
  const former = existsSync(conf) ? formerFolders(context) : undefined;
  const usual =
    conf === DEFAULT_FILE
      ? { run: KEYS.run.fallback, state: KEYS.state.fallback }
      : { run: join(folder, 'run'), state: join(folder, 'state') };
  const paths = former ?? usual;
  const isDefault = conf === DEFAULT_FILE && paths.run === usual.run && paths.state === usual.state;
  return {
    conf,
    doors: join(folder, 'knockd.conf'),
    trusted: join(folder, 'knockd.trusted'),
    paths: isDefault ? undefined : paths,
    command: file === undefined ? 'knockctl' : `knockctl -c ${shellWord(file)}`,
  };
}

/** A file that is replaced leaves these as they are: a supervisor that runs would not be found any more. */
function formerFolders(context: Context): Folders | undefined {
  try {
    const { run, state } = context.paths();
    return { run, state };
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function shellWord(text: string): string {
  return /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

import { readFileSync } from 'node:fs';

import { shipped } from './install-paths.js';

/** The version of this program, as its package.json has it. */
export function version(): string {
  return /"version": "([^"]+)"/.exec(readFileSync(shipped('package.json'), 'utf8'))?.[1] ?? 'unknown';
}

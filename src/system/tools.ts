import { accessSync, constants } from 'node:fs';

import { EXIT, KnockError } from '../base/errors.js';
import { CHILD_ENV } from './exec-env.js';

/** Debian packages by the tools we run, for messages. */
const PACKAGES: Readonly<Record<string, string>> = {
  ipset: 'ipset',
  stdbuf: 'coreutils',
  flock: 'util-linux',
  setpriv: 'util-linux',
  logger: 'bsdutils',
  nft: 'nftables',
};

/** The absolute path of a tool in the system's own folders, or undefined. Never looks at $PATH. */
export function findTool(name: string): string | undefined {
  for (const folder of CHILD_ENV.PATH.split(':')) {
    const path = `${folder}/${name}`;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue; // not in this folder: the next one
    }
  }
  return undefined;
}

/** Like findTool, but a missing tool is an error that says how to get it. */
export function requireTool(name: string): string {
  const path = findTool(name);
  if (path !== undefined) return path;
  throw new KnockError(`${name} is not installed`, {
    exitCode: EXIT.firewall,
    hint: `apt-get install ${PACKAGES[name] ?? 'iptables'}`,
  });
}

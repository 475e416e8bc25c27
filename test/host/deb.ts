import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Machine } from './machine.js';

const SCRIPT = fileURLToPath(new URL('../../../test/host/deb.sh', import.meta.url));

/** Puts the Debian package of this tree, the same file for each machine, at /root/knockctl.deb; the thin one at /root/thin.deb. */
export function putDeb(machine: Machine, kind: 'whole' | 'thin' = 'whole'): void {
  const words = kind === 'thin' ? ['--system-node'] : [];
  const path = execFileSync('/bin/bash', [SCRIPT, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  copyFileSync(path.trim(), join(machine.root, kind === 'thin' ? 'root/thin.deb' : 'root/knockctl.deb'));
}

import assert from 'node:assert/strict';
import { realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Lab } from '../helpers/lab.js';
import type { Product } from '../helpers/product.js';

/**
 * What the supervisor, and it alone, has as a program is something else until the result is called. `@REAL@` in the text: where the real
 * program is.
 */
export async function replaced(
  lab: Lab,
  product: Product,
  program: string,
  text: string,
): Promise<() => Promise<void>> {
  const target = realpathSync(program);
  const path = join(lab.dir, 'fake');
  const real = join(lab.dir, 'real');
  const must = async (...argv: readonly string[]): Promise<void> => {
    const { exitCode, stderr } = await lab.exec('server', argv);
    assert.equal(exitCode, 0, `${argv.join(' ')}: ${stderr}`);
  };
  await must('/bin/cp', target, real);
  writeFileSync(path, text.replaceAll('@REAL@', real), { mode: 0o755 });
  const pid = String(product.identity('supervisor')?.pid);
  const inside = ['/usr/bin/nsenter', '--mount', `--target=${pid}`, '--'];
  await must(...inside, '/bin/mount', '--bind', path, target);
  return async () => must(...inside, '/bin/umount', '-l', target);
}

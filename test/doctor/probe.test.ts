/** The probe of the capture, with a module that cannot be loaded. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { systemExec } from '../../src/system/exec.js';
import { TempFolder } from '../helpers/temp.js';

const APP = fileURLToPath(new URL('../../app', import.meta.url));

/** What the probe says where the module `cap` is this code. */
async function probe(cap: string): Promise<unknown> {
  using folder = new TempFolder();
  cpSync(APP, folder.file('app'), { recursive: true });
  writeFileSync(folder.file('package.json'), '{"type":"module"}');
  const module = folder.file('node_modules/cap');
  mkdirSync(module, { recursive: true });
  writeFileSync(`${module}/index.js`, cap);
  writeFileSync(`${module}/package.json`, '{"main":"index.js"}');
  writeFileSync(`${module}/cap.node`, 'this is no library\n'.repeat(100));
  const done = await systemExec([process.execPath, folder.file('app/bin/probe.js')]);
  assert.equal(done.stderr, '');
  return JSON.parse(done.stdout);
}

describe('the probe of the capture', () => {
  it('a module that the loader refuses: in one line', async () => {
    const told = (await probe(`require('./cap.node')`)) as Readonly<Record<string, string | boolean>>;
    assert.equal(told['heard'], false);
    assert.equal(told['isModule'], true);
    assert.match(String(told['why']), /^its module cannot be loaded: [^\n]*cap\.node: invalid ELF header$/);
  });

  it('a module of another Node.js', async () => {
    const text =
      "The module 'cap.node'\\nwas compiled against a different Node.js version using\\nNODE_MODULE_VERSION 108. " +
      'This version of Node.js requires\\nNODE_MODULE_VERSION 115. Please try re-compiling';
    assert.deepEqual(await probe(`throw new Error("${text}")`), {
      heard: false,
      isModule: true,
      why: 'its module was built for another Node.js (module version 108, this one has 115)',
    });
  });

  it('a capture that may not be opened is no matter of the module', async () => {
    const cap = `exports.Cap = class { static isQuiet = true; open() { throw new Error('You don’t have permission'); } };`;
    assert.deepEqual(await probe(cap), { heard: false, why: 'You don’t have permission' });
  });
});

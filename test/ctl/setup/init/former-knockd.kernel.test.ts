/** `knockctl init` on a host that has a knockd: by the default paths. */
import assert from 'node:assert/strict';
import { copyFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import { Questions } from '../../../../src/ctl/setup/init/ask.js';
import { mayReplace } from '../../../../src/ctl/setup/init/former-knockd.js';
import { createHost, WAYS, type Host } from '../../../e2e/host.js';
import { KNOCKCTL } from '../../../helpers/product.js';
import type { ExecResult } from '../../../helpers/processes.js';

async function init(host: Host, ...words: readonly string[]): Promise<ExecResult> {
  return host.exec([process.execPath, KNOCKCTL, 'init', '--yes', ...words]);
}

test('doors of a knockd are not passed over in silence, nor one that runs', async () => {
  await using host = await createHost(WAYS[0]);
  host.write('/etc/knockd.conf', '[own]\nsequence = 1,2,3\ncommand = true\n');
  const refused = await init(host);
  assert.equal(refused.exitCode, 1);
  assert.match(
    refused.stderr,
    /there is \/etc\/knockd\.conf, whose doors \/etc\/knockctl\/knockd\.conf would replace/,
  );
  assert.match(
    refused.stderr,
    /knockctl import \/etc\/knockd\.conf .*docs\/moving-from-knockd\.md; --force begins/,
  );
  assert.doesNotMatch(refused.stderr, /runs beside/);
  assert.throws(() => host.read('/etc/knockctl/knockctl.conf'));

  const program = join(host.lab.dir, 'knockd');
  copyFileSync('/bin/sleep', program);
  const knockd = host.lab.spawn('server', [program, '600']);
  const runs = (): boolean => readlinkSync(`/proc/${knockd.pid}/exe`) === program;
  await host.lab.waitFor(runs, 'a knockd');
  const forced = await init(host, '--force');
  assert.equal(forced.exitCode, 0, forced.stderr);
  assert.match(forced.stderr, /note: there is \/etc\/knockd\.conf: its doors count no more for knockctl/);
  assert.match(forced.stderr, new RegExp(`note: knockd runs beside \\(pid ${knockd.pid}\\)`));
  assert.match(
    forced.stdout,
    /next, on trial, without any risk: knockctl start --trial 300, then knockctl confirm\n/,
  );
  assert.doesNotMatch(host.read('/etc/knockctl/knockctl.conf'), /\[paths\]/);
  assert.match(host.read('/etc/knockd.conf'), /\[own\]/, 'as it was');

  // The doors of the new file are in use already: those of knockd's do not count.
  const again = await init(host, '--force');
  assert.doesNotMatch(again.stderr, /there is \/etc\/knockd\.conf/);
});

test('who can be asked is asked, and no is what is usual', async () => {
  const places = {
    ...{ conf: '/a/knockctl.conf', doors: '/a/knockd.conf', trusted: '/a/knockd.trusted' },
    ...{ paths: undefined, command: 'knockctl' },
  };
  for (const [answer, expected] of [
    ['', false],
    ['yes', true],
  ] as const) {
    const [input, output] = [new PassThrough(), new PassThrough()];
    using questions = new Questions(input, output);
    const may = mayReplace({ notes: [], isReplaced: true }, places, questions, false);
    input.write(`${answer}\n`);
    assert.equal(await may, expected);
    assert.match(
      String(output.read()),
      /knockctl import \/etc\/knockd\.conf .*Begin anew all the same\? \[no\]/s,
    );
  }
});

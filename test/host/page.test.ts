/** The page of `knockctl client --html`, in a real browser, at a real door. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { patient } from '../e2e/setting.js';

const DOORS = `[open]
sequence = 7000,8000,9100
seq_timeout = 10
tcpflags = syn
command = knockctl accept %IP%
`;

let lab: Lab;

before(async () => {
  lab = await createLab({ backend: 'nft' });
});
after(async () => {
  await lab.dispose();
});

for (const family of [4, 6] as const) {
  test(`IPv${family}: its button opens the door, for the browser's host`, { timeout: 300_000 }, async () => {
    const script = fileURLToPath(new URL('../../../test/host/chromium.sh', import.meta.url));
    const root = execFileSync('/bin/bash', [script], { encoding: 'utf8' }).trim();
    const product = new Product(lab, { doors: DOORS, conf: patient('nft'), folder: `page${family}` });
    await product.start();
    const page = await product.must('client', 'open', '--host', ADDRESS.server[family], '--html');
    const file = join(lab.dir, `page${family}.html`);
    writeFileSync(file, `${page}<script>document.getElementById('knock').click()</script>\n`, {
      mode: 0o644,
    });
    const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
    const browser = lab.spawn('client', [
      '/usr/bin/env',
      `LD_LIBRARY_PATH=${libraries}:${libraries}/pulseaudio`,
      `HOME=${lab.dir}`,
      join(root, 'usr/lib/chromium/chromium-headless-shell'),
      '--no-sandbox',
      '--disable-gpu',
      '--remote-debugging-port=0',
      `--user-data-dir=${join(lab.dir, `browser${family}`)}`,
      `file://${file}`,
    ]);
    try {
      await product.waitForLog(/accepted at ssh/);
      const [entry] = await product.list('filter');
      assert.equal(entry?.address, ADDRESS.client[family]);
    } finally {
      await browser.kill();
      await product.stop();
    }
  });
}

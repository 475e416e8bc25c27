/** What is asked of the Debian package as it lies on a machine. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Machine } from './machine.js';

const DOC = 'usr/share/doc/knockctl';

/** Its programs name the Node.js that it brings, it needs no other and no new C library, and its documents are all there. */
export async function packageIsWhole(machine: Machine): Promise<void> {
  const at = (path: string): string => join(machine.root, path);
  for (const program of ['knockctl', 'knock', 'knockd']) {
    const text = readFileSync(at(`usr/lib/knockctl/dist/app/bin/${program}.js`), 'utf8');
    assert.match(text, /^#!\/usr\/lib\/knockctl\/bin\/node\n/);
  }
  const depends = await machine.must('/usr/bin/dpkg-query', '-W', '-f', '${Depends}', 'knockctl');
  assert.match(depends, /\blibc6 \(>= 2\.28\)/, 'not newer than what Node.js itself needs');
  assert.doesNotMatch(depends, /node/);
  for (const folder of ['etc/knockctl', 'var/lib/knockctl'])
    assert.equal(await machine.must('/usr/bin/stat', '-c', '%a %U', `/${folder}`), '700 root\n');
  const texts = readdirSync(at(DOC), { recursive: true, encoding: 'utf8' });
  assert.ok(texts.length > 20);
  for (const text of texts.filter((path) => path.endsWith('.md'))) {
    const links = readFileSync(at(join(DOC, text)), 'utf8').matchAll(/\]\(([\w./-]+)(?:#[\w-]+)?\)/g);
    for (const [, link = ''] of links)
      assert.ok(existsSync(at(join(DOC, dirname(text), link))), `${text} leads to ${link}`);
  }
}

/** knockd has a client of the same name: its own while it is installed, ours before and after. */
export async function knockdComesAndGoes(machine: Machine): Promise<void> {
  const whose = (): string => {
    try {
      return readlinkSync(join(machine.root, 'usr/bin/knock'));
    } catch {
      return 'a file, or none';
    }
  };
  assert.equal(whose(), '/etc/alternatives/knock');
  await machine.must('/bin/sh', '-c', 'dpkg --install /root/debs/knockd_*.deb');
  assert.equal(whose(), 'a file, or none');
  await machine.must('/usr/bin/knock', '--version');
  await machine.must('/usr/bin/dpkg', '--purge', 'knockd');
  assert.equal(whose(), '/etc/alternatives/knock');
  assert.match(await machine.must('/usr/bin/knock', '--version'), /\(knockctl\)/);
  await machine.run('/bin/systemctl', 'reset-failed');
}

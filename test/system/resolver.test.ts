import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { importing, inMountNamespace, runNode } from '../helpers/node-child.js';
import { TempFolder } from '../helpers/temp.js';

/** What the resolver says of a name where /etc/hosts has these lines and there is nothing else to ask. */
async function resolve(hosts: string, name: string): Promise<unknown> {
  using folder = new TempFolder();
  writeFileSync(folder.file('hosts'), hosts);
  writeFileSync(folder.file('nsswitch.conf'), 'hosts: files\n');
  const bind = (file: string): string => `mount --bind ${folder.file(file)} /etc/${file}`;
  const code = `${importing('systemResolver', 'system/resolver.js')}
    const answer = await systemResolver(${JSON.stringify(name)});
    console.log(JSON.stringify(answer.ok ? answer.value.map((network) => network.text).sort() : answer.reason));`;
  const done = await runNode(code, inMountNamespace(`${bind('hosts')}; ${bind('nsswitch.conf')}`));
  assert.equal(done.stderr, '');
  return JSON.parse(done.stdout);
}

describe('the resolver', () => {
  it('gives the addresses of both families, each once', async () => {
    const hosts = '192.0.2.1 home.test\n192.0.2.2 home.test\n192.0.2.1 home.test\n2001:DB8::1 home.test\n';
    assert.deepEqual(await resolve(hosts, 'home.test'), ['192.0.2.1', '192.0.2.2', '2001:db8::1']);
  });

  it('does not take the unspecified address for somebody’s', async () => {
    const hosts = '0.0.0.0 blocked.test\n:: blocked.test\n';
    assert.equal(await resolve(hosts, 'blocked.test'), 'blocked.test resolves to no usable address');
  });

  it('refuses a name with more addresses than a machine has', async () => {
    const hosts = Array.from({ length: 65 }, (_, index) => `192.0.2.${index + 1} many.test\n`).join('');
    assert.equal(await resolve(hosts, 'many.test'), 'many.test resolves to 65 addresses: too many');
  });

  it('says that a name does not resolve', async () => {
    assert.match(
      String(await resolve('', 'lost.test')),
      /^lost\.test does not resolve: getaddrinfo ENOTFOUND/,
    );
  });

  it('ends with the process: no timer is left that would hold it', async () => {
    const begun = performance.now();
    await resolve('192.0.2.1 home.test\n', 'home.test');
    assert.ok(performance.now() - begun < 5000);
  });
});

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { showableName } from '../../src/system/resolver.js';
import { importing, inMountNamespace, runNode } from '../helpers/node-child.js';
import { TempFolder } from '../helpers/temp.js';
import { Control, nowMs } from '../helpers/promise.js';

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

let control: Control;
before(async () => {
  control = await Control.start();
});
after(async () => control[Symbol.asyncDispose]());

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
      /^lost\.test does not resolve: there is no such host name/,
    );
  });

  it('ends with the process: no timer is left that would hold it', async () => {
    const beganMs = nowMs();
    await resolve('192.0.2.1 home.test\n', 'home.test');
    control.keeps('until it ended', beganMs, nowMs() - beganMs, 5_000);
  });
});

const NAME_SERVER = fileURLToPath(new URL('../helpers/name-server.js', import.meta.url));

interface Reverse {
  /** The names of the addresses asked for, null where there is none. */
  readonly names: readonly (string | null)[];
  readonly ms: number;
  readonly queries: readonly string[];
}

/**
 * What the reverse look-up says of addresses, asked for at once, where /etc/hosts has these lines and the name server
 * answers this, or nothing (null), or is not there (undefined); `abortMs`: the signal is given after so long.
 */
async function reverse(
  addresses: readonly string[],
  { hosts = '', server, abortMs }: { hosts?: string; server?: readonly string[] | null; abortMs?: number },
): Promise<Reverse> {
  using folder = new TempFolder();
  writeFileSync(folder.file('hosts'), hosts);
  writeFileSync(folder.file('resolv.conf'), 'nameserver 127.0.0.1\n');
  const bind = (file: string): string => `mount --bind ${folder.file(file)} /etc/${file}`;
  const code = `${importing('systemReverse', 'system/resolver.js')}
    import { spawn } from 'node:child_process';
    import { once } from 'node:events';
    const queries = [];
    const server = ${JSON.stringify(server ?? null)};
    const child = ${server === undefined ? 'undefined' : `spawn(process.execPath, [${JSON.stringify(NAME_SERVER)}, JSON.stringify(server)])`};
    child?.stdout.on('data', (chunk) => queries.push(...String(chunk).trim().split('\\n')));
    if (child) await once(child.stdout, 'data');
    const ending = new AbortController();
    ${abortMs === undefined ? '' : `setTimeout(() => ending.abort(), ${abortMs});`}
    const begun = performance.now();
    const found = await Promise.all(${JSON.stringify(addresses)}.map((address) => systemReverse(address, ending.signal)));
    const ms = performance.now() - begun;
    if (child) { const gone = once(child, 'close'); child.kill(); await gone; }
    console.log(JSON.stringify({ names: found.map((name) => name ?? null), ms, queries: queries.slice(1) }));`;
  const prepare = `${bind('hosts')}; ${bind('resolv.conf')}; ip link set lo up`;
  const done = await runNode(code, ['/usr/bin/unshare', '--net', ...inMountNamespace(prepare)]);
  assert.equal(done.stderr, '');
  const result: unknown = JSON.parse(done.stdout);
  assert.ok(isReverse(result));
  return result;
}

function isReverse(value: unknown): value is Reverse {
  return typeof value === 'object' && value !== null && 'names' in value && 'ms' in value;
}

describe('the reverse resolver', () => {
  it('takes the first name of the hosts file, however the address is written, and asks nobody then', async () => {
    const hosts =
      '# 192.0.2.9 no\n192.0.2.1 home.test alias\n192.0.2.1 later.test\n2001:DB8:0::1\tsix.test # x\n';
    const { names, queries } = await reverse(['192.0.2.1', '2001:db8::1'], {
      hosts,
      server: ['dns', 'test'],
    });
    assert.deepEqual(names, ['home.test', 'six.test']);
    assert.deepEqual(queries, []);
  });

  it('asks the name server else, once an address', async () => {
    const { names, queries } = await reverse(['192.0.2.1', '2001:db8::1'], { server: ['Host-1_a', 'test'] });
    assert.deepEqual(names, ['Host-1_a.test', 'Host-1_a.test']);
    assert.deepEqual([...queries].sort(), [
      '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
      '1.2.0.192.in-addr.arpa',
    ]);
  });

  it('believes no answer that is not plainly a name', async () => {
    for (const server of [
      ['evil\nname', 'test'],
      ['with space', 'test'],
      ['\u001b[31m', 'test'],
      ['$(id)', 'test'],
      ['a.b', 'test'],
      ['\xff\xfe', 'test'],
      ['-i', 'test'],
      ['10', '0', '0', '1'],
    ]) {
      assert.deepEqual((await reverse(['192.0.2.1'], { server })).names, [null], JSON.stringify(server));
    }
  });

  it('gives up a name server that says nothing, for many addresses at once, in a few seconds', async () => {
    const many = Array.from({ length: 8 }, (_, index) => `192.0.2.${index + 1}`);
    const beganMs = nowMs();
    const { names, ms } = await reverse(many, { server: null });
    assert.deepEqual(
      names,
      many.map(() => null),
    );
    control.keeps('until they were given up', beganMs, ms, 6_000);
  });

  it('has no name where nobody can be asked, or the signal is given', async () => {
    assert.deepEqual((await reverse(['192.0.2.1'], {})).names, [null]);
    const beganMs = nowMs();
    const { names, ms } = await reverse(['192.0.2.1'], { server: null, abortMs: 200 });
    assert.deepEqual(names, [null]);
    control.keeps('until it was given up', beganMs, ms, 1_500);
  });

  it('shows names of letters, digits, - and _ between dots', () => {
    const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
    for (const name of [
      'a',
      'localhost',
      'A-1.example.org',
      '_x.y_z.test',
      'xn--bcher-kva.example',
      longest,
    ]) {
      assert.equal(showableName(name), name);
    }
    assert.equal(showableName('a.test.'), 'a.test');
    const wrong = [
      '',
      '.',
      'a..b',
      '.a',
      '-a.b',
      'a.-b',
      'a b',
      'a\n',
      'ä.test',
      'a\u202eb',
      'a/b',
      '1',
      '10.0.0.1',
    ];
    for (const name of [...wrong, `${longest}d`, `${'a'.repeat(64)}.test`]) {
      assert.equal(showableName(name), undefined, JSON.stringify(name));
    }
  });
});

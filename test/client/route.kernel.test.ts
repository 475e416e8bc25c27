/** Which way packets take that an address of a second interface sends: with real interfaces and routes. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { FAMILIES, type Family } from '../../src/base/address.js';
import { routeThrough, type RouteSources } from '../../src/client/route.js';
import { ADDRESS, createLab, type Lab, type Place } from '../helpers/lab.js';
import type { LabProcess } from '../helpers/processes.js';

/** An address that both neighbours of the knocking host have, so that it is reached over either. */
const TARGET = { 4: '10.88.0.1', 6: 'fd88::1' } as const;
const NEIGHBOURS = ['client', 'client2'] as const;

let lab: Lab;
const dumps = new Map<Place, LabProcess>();
/** How much of each capture was read already. */
const read = new Map<Place, number>();
let mark = 50_000;

/** The lab's server is the host that knocks here, for it has two interfaces: eth0 to client, eth1 to client2. */
before(async () => {
  lab = await createLab({ backend: 'nft' });
  for (const [index, neighbour] of NEIGHBOURS.entries()) {
    const metric = String(100 * (index + 1));
    for (const family of FAMILIES) {
      await ip(neighbour, family, 'addr', 'add', TARGET[family], 'dev', 'lo');
      const via = ADDRESS[neighbour][family];
      await ip('server', family, 'route', 'add', 'default', 'via', via, 'metric', metric);
    }
    const dump = lab.spawn(neighbour, ['tcpdump', '-i', 'eth0', '-nnlq', '--immediate-mode', 'tcp or udp']);
    await dump.until('listening on');
    dumps.set(neighbour, dump);
  }
});

after(async () => {
  await lab.dispose();
});

async function ip(place: Place, family: Family, ...words: readonly string[]): Promise<void> {
  const done = await lab.exec(place, ['/usr/sbin/ip', `-${family}`, ...words]);
  assert.equal(done.exitCode, 0, done.stderr);
}

/** What has arrived at a neighbour since the last call, as `SOURCE > ADDRESS.PORT`, without answers and marks. */
async function arrived(place: Place): Promise<string[]> {
  const dump = dumps.get(place);
  assert.ok(dump !== undefined);
  mark += 1;
  // In both families: what waits for a neighbour to be found comes later than what goes over the other one.
  for (const family of FAMILIES) {
    const address = ADDRESS[place][family];
    await lab.knock('server', address, [`${mark}:udp`]);
    await dump.until(`${address}.${mark}: `);
  }
  const text = dump.stdout.slice(read.get(place) ?? 0);
  read.set(place, dump.stdout.length);
  return text.split('\n').flatMap((line) => {
    const [, source, target, port] = / IP6? (\S+)\.[0-9]+ > (\S+)\.([0-9]+): /.exec(line) ?? [];
    return port === '7000' || port === '8000' ? [`${source ?? ''} > ${target ?? ''}.${port}`] : [];
  });
}

const PORTS = ['7000', '8000:udp'];

for (const family of FAMILIES) {
  const target = TARGET[family];
  const [first, second] = [ADDRESS.server[family], ADDRESS.server2[family]];

  test(`IPv${family}: -i of the interface that the routes lead out of`, async () => {
    const { exitCode, stderr } = await lab.knock('server', target, PORTS, { args: ['-i', 'eth0'] });
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.deepEqual(await arrived('client'), [`${first} > ${target}.7000`, `${first} > ${target}.8000`]);
    assert.deepEqual(await arrived('client2'), []);
  });

  test(`IPv${family}: -i of the other interface sends nothing until a rule leads there`, async () => {
    const refused = await lab.knock('server', target, PORTS, { args: ['-i', 'eth1'] });
    assert.equal(refused.exitCode, 1);
    assert.equal(
      refused.stderr,
      `error: ${target} was not knocked over IPv${family}: packets from ${second} to ${target} ` +
        `leave by eth0, not eth1; a rule can change that: ip rule add from ${second} lookup TABLE\n`,
    );
    assert.deepEqual([await arrived('client'), await arrived('client2')], [[], []]);

    await ip('server', family, 'rule', 'add', 'from', second, 'lookup', '7');
    await ip('server', family, 'route', 'add', 'default', 'via', ADDRESS.client2[family], 'table', '7');
    const sent = await lab.knock('server', target, PORTS, { args: ['-i', 'eth1'] });
    assert.deepEqual([sent.exitCode, sent.stderr], [0, '']);
    assert.deepEqual(await arrived('client2'), [`${second} > ${target}.7000`, `${second} > ${target}.8000`]);
    assert.deepEqual(await arrived('client'), []);
    await ip('server', family, 'rule', 'del', 'from', second, 'lookup', '7');
  });
}

test('a source address alone does not decide the way', async () => {
  const module = new URL('../../src/client/send.js', import.meta.url).href;
  const code = `const { sendKnock } = await import(${JSON.stringify(module)});
    const [address, source] = process.argv.slice(1);
    await sendKnock({ address, source, protocol: 'tcp', port: 7000 });
    await sendKnock({ address, source, protocol: 'udp', port: 8000 });`;
  for (const family of FAMILIES) {
    const [target, source] = [TARGET[family], ADDRESS.server2[family]];
    const node = [process.execPath, '--input-type=module', '-e', code];
    const done = await lab.exec('server', [...node, target, source]);
    assert.deepEqual([done.exitCode, done.stderr], [0, '']);
    assert.deepEqual(await arrived('client'), [`${source} > ${target}.7000`, `${source} > ${target}.8000`]);
    assert.deepEqual(await arrived('client2'), []);
  }
});

test('an interface with no address of the family, and one that is not there', async () => {
  await ip('server', 4, 'link', 'add', 'bare0', 'type', 'veth', 'peer', 'name', 'bare1');
  await ip('server', 4, 'link', 'set', 'bare0', 'up');
  await ip('server', 4, 'link', 'set', 'bare1', 'up');
  for (const family of FAMILIES) {
    await ip('server', family, 'route', 'add', TARGET[family], 'dev', 'bare0', 'metric', '2000');
    const { exitCode, stderr } = await lab.knock('server', TARGET[family], PORTS, { args: ['-i', 'bare0'] });
    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      `error: ${TARGET[family]} was not knocked over IPv${family}: bare0 has no IPv${family} address to knock from, or is down\n`,
    );
    const nowhere = await lab.knock('server', TARGET[family], PORTS, { args: ['-i', 'nosuch0'] });
    assert.equal(nowhere.exitCode, 1);
    assert.match(nowhere.stderr, /there is no route to it through nosuch0: .*Cannot find device "nosuch0"/);
  }
  assert.deepEqual([await arrived('client'), await arrived('client2')], [[], []]);
  await ip('server', 4, 'link', 'del', 'bare0');
});

test('a link-local target is sought on the interface', async () => {
  const shown = await lab.exec('client2', [
    '/usr/sbin/ip',
    '-6',
    '-o',
    'addr',
    'show',
    'dev',
    'eth0',
    'scope',
    'link',
  ]);
  const address = / inet6 (fe80::[0-9a-f:]+)\//.exec(shown.stdout)?.[1] ?? '';
  const { exitCode, stdout } = await lab.knock('server', address, PORTS, { args: ['-v', '-i', 'eth1'] });
  assert.equal(exitCode, 0);
  assert.equal(stdout, `hitting tcp ${address}%eth1:7000\nhitting udp ${address}%eth1:8000\n`);
  const targets = (await arrived('client2')).map((line) => line.replace(/^fe80::\S+/, 'fe80::'));
  assert.deepEqual(targets, [`fe80:: > ${address}.7000`, `fe80:: > ${address}.8000`]);
  const other = await lab.knock('server', `${address}%eth0`, PORTS, { args: ['-i', 'eth1'] });
  assert.deepEqual([other.exitCode, await arrived('client'), await arrived('client2')], [1, [], []]);
  assert.match(other.stderr, /its zone is eth0, not eth1$/m);
});

test('--both with an interface that has one family only', async () => {
  await ip('server', 6, 'addr', 'flush', 'dev', 'eth0', 'scope', 'global');
  const hosts = `${TARGET[4]} gate\\n${TARGET[6]} gate\\n`;
  const shell = `printf '${hosts}' > ${lab.dir}/hosts && mount --bind ${lab.dir}/hosts /etc/hosts && exec "$@"`;
  const knock = [process.execPath, new URL('../../app/bin/knock.js', import.meta.url).pathname];
  const words = ['--both', '-i', 'eth0', 'gate', ...PORTS];
  const done = await lab.exec('server', ['/bin/sh', '-c', shell, 'sh', ...knock, ...words]);
  assert.equal(done.exitCode, 0);
  assert.match(done.stderr, /^note: gate was not knocked over IPv6: /);
  assert.equal((await arrived('client')).length, 2);
});

test('without ip(8) the routes are unknown, and nothing is guessed', async () => {
  const sources: RouteSources = {
    ip: undefined,
    exec: () => Promise.reject(new Error('not called')),
    addresses: () => [],
  };
  const reason = '-i needs the program ip to ask for the routes; install iproute2';
  assert.deepEqual(await routeThrough('192.0.2.1', 'eth0', sources), { ok: false, reason });
});

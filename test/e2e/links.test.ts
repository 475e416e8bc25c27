import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { FAMILIES } from '../../src/base/address.js';
import { ADDRESS, createLab, type Lab, type Place } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { conf, OPEN } from './setting.js';

/** One door of three ports, and one that a packet counted twice would open alone. */
const LINK_DOORS = `[open]
sequence = 7000,8000,9000
tcpflags = syn
command = knockctl accept %IP%
[double]
sequence = 1226,1226
tcpflags = syn
command = knockctl accept %IP%
[datagrams]
sequence = 5000:udp,5000:udp
command = knockctl accept %IP%
`;

/** ip(8) in one place; must succeed. */
async function ip(lab: Lab, place: Place, ...commands: readonly string[]): Promise<void> {
  for (const command of commands) {
    const done = await lab.exec(place, ['/usr/sbin/ip', ...command.split(' ')]);
    assert.equal(done.exitCode, 0, `ip ${command}: ${done.stderr}`);
  }
}

function makeProduct(lab: Lab, listener: string): Product {
  return new Product(lab, { conf: `${conf('nft')}[listener]\ninterface = ${listener}\n`, doors: LINK_DOORS });
}

/**
 * Knocks that open each door once, and that begin some of them by half. 9000 ends an attempt at
 * another door, and a packet that ends one begins no other.
 */
const KNOCKS = [...OPEN, '1226', '1226', '5000:udp', '5000:udp', '5000:udp', '9000', '1226', '9000'];
/** What is recognised where every packet counts once. */
const RECOGNISED = [
  'open: Stage 1',
  'open: Stage 2',
  'open: Stage 3',
  'open: OPEN SESAME',
  'double: Stage 1',
  'double: Stage 2',
  'double: OPEN SESAME',
  'datagrams: Stage 1',
  'datagrams: Stage 2',
  'datagrams: OPEN SESAME',
  'datagrams: Stage 1',
  'double: Stage 1',
];

/** Knocks from the client at an address of the server: each door opens exactly once, and the port with it. */
async function opensOnce(lab: Lab, product: Product, address: string): Promise<void> {
  const before = product.log().length;
  assert.equal(await lab.canConnect('client', address, 22, 300), false);
  // 25 ms between the knocks: two datagrams at once cannot be told from one that is seen twice (IPv6 has no number).
  const done = await lab.knock('client', address, KNOCKS, { args: ['-d', '25'] });
  assert.equal(done.exitCode, 0, done.stderr);
  const recognised = (): string[] => {
    const lines = product.log().slice(before);
    return lines.map((line) => /: (\w+: (?:Stage \d|OPEN SESAME))$/.exec(line)?.[1] ?? '').filter(Boolean);
  };
  await lab
    .waitFor(() => recognised().length >= RECOGNISED.length, `the knocks at ${address}`)
    .catch((error: unknown) => {
      assert.deepEqual(recognised(), RECOGNISED, String(error));
    });
  assert.deepEqual(recognised(), RECOGNISED);
  assert.equal(await lab.canConnect('client', address, 22), true);
  await product.must('flush', 'filter');
}

/** A second device on the server's eth0, with addresses of its own: its packets pass both. */
async function addSubInterface(lab: Lab): Promise<void> {
  await ip(
    lab,
    'server',
    'link add link eth0 name sub0 type macvlan mode bridge',
    'addr add 10.77.5.1/24 dev sub0',
    'addr add fd77:5::1/64 dev sub0 nodad',
    'link set sub0 up',
  );
  await ip(lab, 'client', 'addr add 10.77.5.2/24 dev eth0', 'addr add fd77:5::2/64 dev eth0 nodad');
}

/** The device is said to run a while after it is up (measured: up to 1 s); only then are its addresses listed. */
async function untilRunning(lab: Lab, device: string): Promise<void> {
  const state = async (): Promise<string> =>
    (await lab.exec('server', ['/usr/bin/cat', `/sys/class/net/${device}/operstate`])).stdout.trim();
  await lab.waitFor(async () => (await state()) === 'up', `${device} to run`);
}

/** Puts the server's eth0 behind a bridge, which takes its addresses. */
async function addBridge(lab: Lab): Promise<void> {
  const { 4: four, 6: six } = ADDRESS.server;
  await ip(
    lab,
    'server',
    'link add br0 type bridge',
    'addr flush dev eth0',
    'link set eth0 master br0',
    `addr add ${four}/24 dev br0`,
    `addr add ${six}/64 dev br0 nodad`,
    'link set br0 up',
  );
  await untilRunning(lab, 'br0');
}

describe('on links of all kinds', { concurrency: 2 }, () => {
  // knockd 0.8: on any, no door without a Target opens; addresses that come later are never heard
  // (test/better/links.test.ts), seen 2026-11-21.
  test('on any, a knock through a sub-interface counts once, and new addresses are heard', async () => {
    await using lab = await createLab({ backend: 'nft' });
    await lab.tcpEcho('server', 22);
    await addSubInterface(lab);
    const product = makeProduct(lab, 'any');
    await product.start();
    for (const family of FAMILIES) await opensOnce(lab, product, ADDRESS.server[family]);
    for (const address of ['10.77.5.1', 'fd77:5::1']) await opensOnce(lab, product, address);
    // Addresses that come later.
    await ip(lab, 'server', 'addr add 10.77.1.77/24 dev eth0', 'addr add fd77:1::77/64 dev eth0 nodad');
    for (const address of ['10.77.1.77', 'fd77:1::77']) await opensOnce(lab, product, address);
    await product.stop();
  });

  test('on any, a knock through a bridge counts once, and the bridge may come later', async () => {
    await using lab = await createLab({ backend: 'nft' });
    await lab.tcpEcho('server', 22);
    const product = makeProduct(lab, 'any');
    await product.start();
    await addBridge(lab);
    for (const family of FAMILIES) await opensOnce(lab, product, ADDRESS.server[family]);
    assert.equal((await product.status()).state, 'armed');
    await product.stop();
  });

  test('a knock at an address that is not the host’s own opens nothing', async () => {
    await using lab = await createLab({ backend: 'nft' });
    await lab.tcpEcho('server', 22);
    const product = makeProduct(lab, 'any');
    await product.start();
    // The server routes to client2: it sees these packets, and they are not for it.
    await lab.knock('client', ADDRESS.client2[4], OPEN);
    await lab.knock('client', ADDRESS.client2[6], OPEN);
    await opensOnce(lab, product, ADDRESS.server[4]);
    assert.equal(product.log().filter((line) => line.includes('OPEN SESAME')).length, 3);
    await product.stop();
  });

  test('named interfaces: only they are heard, and one that comes later is, too', async () => {
    await using lab = await createLab({ backend: 'nft' });
    await lab.tcpEcho('server', 22);
    const product = makeProduct(lab, 'eth0, late0');
    await product.start();
    assert.deepEqual((await product.status()).listener?.interfaces, ['eth0']);
    for (const family of FAMILIES) await opensOnce(lab, product, ADDRESS.server[family]);
    // client2 comes in by eth1, which is not named.
    await lab.knock('client2', ADDRESS.server[4], OPEN);
    assert.equal(await lab.canConnect('client2', ADDRESS.server[4], 22), false);
    assert.deepEqual(await product.addresses('filter'), []);

    await ip(
      lab,
      'server',
      `link add late0 type veth peer name late0 netns ${lab.namespace.client}`,
      'addr add 10.77.9.1/24 dev late0',
      'addr add fd77:9::1/64 dev late0 nodad',
      'link set late0 up',
    );
    await ip(
      lab,
      'client',
      'addr add 10.77.9.2/24 dev late0',
      'addr add fd77:9::2/64 dev late0 nodad',
      'link set late0 up',
    );
    await product.waitForLog(/^starting up, listening on eth0, late0$/);
    for (const address of ['10.77.9.1', 'fd77:9::1']) await opensOnce(lab, product, address);
    await opensOnce(lab, product, ADDRESS.server[6]);
    assert.equal((await product.status()).state, 'armed');
    await product.stop();
  });

  test('without any of its interfaces it waits, tripped, and arms when one comes', async () => {
    await using lab = await createLab({ backend: 'nft' });
    await lab.tcpEcho('server', 22);
    await ip(lab, 'server', 'link set eth0 name away0');
    const product = makeProduct(lab, 'eth0');
    const started = await product.ctl(['start']);
    assert.equal(started.exitCode, 69);
    assert.match(started.stderr, /not armed: waiting for an interface to come up: eth0/);
    assert.equal((await product.ctl(['status'])).exitCode, 150);
    await ip(lab, 'server', 'link set away0 name eth0', 'link set eth0 up');
    await product.waitForState('armed');
    for (const family of FAMILIES) await opensOnce(lab, product, ADDRESS.server[family]);
    await product.stop();
  });
});

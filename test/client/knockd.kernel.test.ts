/** Debian's knockd and our client: every kind of sequence, over both families, and --both. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { FAMILIES } from '../../src/base/address.js';
import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';

const DOORS = {
  tcp: '7000,7001,7002',
  udp: '6000:udp,6001:udp,6002:udp',
  mixed: '5000,5001:udp,5002,5003:udp',
} as const;

let lab: Lab;
let log: string;
/** How much of the log was read already. */
let read = 0;

before(async () => {
  lab = await createLab({ backend: 'nft' });
  log = `${lab.dir}/knockd.log`;
  const doors = Object.entries(DOORS).map(
    ([name, sequence]) =>
      `[${name}]\nsequence = ${sequence}\nseq_timeout = 20\n${name === 'udp' ? '' : 'tcpflags = syn\n'}`,
  );
  writeFileSync(log, '');
  writeFileSync(`${lab.dir}/knockd.conf`, `[options]\nlogfile = ${log}\ninterface = eth0\n${doors.join('')}`);
  lab.spawn('server', ['/usr/sbin/knockd', '-c', `${lab.dir}/knockd.conf`]);
  await logged('starting up, listening on eth0');
});

after(async () => {
  await lab.dispose();
});

/** Waits for a line that ends in `text` behind what was read, and reads on to there. */
async function logged(text: string): Promise<void> {
  const find = (): number => readFileSync(log, 'utf8').indexOf(`${text}\n`, read);
  await lab.waitFor(() => find() !== -1, `${text} in the log of knockd:\n${readFileSync(log, 'utf8')}`);
  read = find() + text.length;
}

for (const family of FAMILIES) {
  const [server, client] = [ADDRESS.server[family], ADDRESS.client[family]];
  const cases = [
    { door: 'tcp', ports: ['7000', '7001', '7002'], args: [] },
    { door: 'udp', ports: ['6000', '6001:tcp', '6002'], args: ['-u'] },
    { door: 'mixed', ports: ['5000', '5001:udp', '5002:tcp', '5003:udp'], args: [] },
    { door: 'tcp', ports: ['7000', '7001', '7002'], args: ['-d', '100'] },
    { door: 'mixed', ports: ['5000', '5001:udp', '5002', '5003:udp'], args: ['-vd100'] },
  ] as const;
  for (const { door, ports, args } of cases) {
    test(`IPv${family}: knock ${[...args, ...ports].join(' ')} opens`, async () => {
      const { exitCode, stderr } = await lab.knock('client', server, ports, { args });
      assert.deepEqual([exitCode, stderr], [0, '']);
      await logged(`${client}: ${door}: OPEN SESAME`);
    });
  }
}

test('--both opens for both addresses, with and without a delay', async () => {
  const hosts = `${ADDRESS.server[4]} gate\n${ADDRESS.server[6]} gate\n`;
  writeFileSync(`${lab.dir}/hosts`, hosts);
  // `ip netns exec` gives each command mounts of its own: nobody else sees this file.
  const shell = ['/bin/sh', '-c', `mount --bind ${lab.dir}/hosts /etc/hosts && exec "$@"`, 'sh'];
  const ours = [process.execPath, new URL('../../app/bin/knock.js', import.meta.url).pathname];
  for (const delay of ['0', '50']) {
    const words = ['--both', '-d', delay, 'gate', '5000', '5001:udp', '5002', '5003:udp'];
    const { exitCode, stdout, stderr } = await lab.exec('client', [...shell, ...ours, ...words]);
    assert.deepEqual([exitCode, stdout, stderr], [0, '', '']);
    for (const family of FAMILIES) await logged(`${ADDRESS.client[family]}: mixed: OPEN SESAME`);
  }
});

test('--both with one family: the other is noted, and the door opens', async () => {
  const alone = await lab.knock('client', ADDRESS.server[6], [7000, 7001, 7002], { args: ['--both'] });
  assert.equal(alone.exitCode, 0);
  assert.match(
    alone.stderr,
    /^note: fd77:1::1 was not knocked over IPv4: it is an IPv6 address, but [^\n]*\n$/,
  );
  await logged(`${ADDRESS.client[6]}: tcp: OPEN SESAME`);
});

test('--both from a machine without IPv6', async () => {
  writeFileSync(`${lab.dir}/hosts6`, `${ADDRESS.server2[4]} gate\n${ADDRESS.server2[6]} gate\n`);
  const setup = `mount --bind ${lab.dir}/hosts6 /etc/hosts && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6`;
  const ours = [process.execPath, new URL('../../app/bin/knock.js', import.meta.url).pathname];
  const words = ['--both', 'gate', '7000', '7001:udp', '--then', 'echo', 'done'];
  const done = await lab.exec('client2', ['/bin/sh', '-c', `${setup} && exec "$@"`, 'sh', ...ours, ...words]);
  assert.deepEqual([done.exitCode, done.stdout], [0, 'done\n']);
  assert.match(
    done.stderr,
    /^note: gate was not knocked over IPv6: this machine has no (?:address to send it from|route to it); [^\n]*\n$/,
  );
});

import assert from 'node:assert/strict';

import { ADDRESS, type Place } from '../helpers/lab.js';
import { inTurn, type Setting } from './setting.js';

const UDP_ECHO = `const s = require('node:dgram').createSocket('udp6');
s.on('message', (m, from) => s.send(m, from.port, from.address));
s.bind(5353, () => console.log('listening'));`;
const UDP_ASK = `const [family, host] = process.argv.slice(1);
const s = require('node:dgram').createSocket('udp' + family);
s.on('message', () => process.exit(0));
s.send('?', 5353, host);
setTimeout(() => process.exit(3), 400);`;

/** Whether a datagram to port 5353 is answered. */
async function isAnswered({ lab, family, server }: Setting, from: Place): Promise<boolean> {
  const done = await lab.exec(from, [process.execPath, '-e', UDP_ASK, String(family), server]);
  assert.ok(done.exitCode === 0 || done.exitCode === 3, done.stderr);
  return done.exitCode === 0;
}

inTurn(
  'services have ports, doors and times of their own',
  {
    service: `accept_timeout = 600
[service.web]
ports = 80, 443, 8000
accept_timeout = 800
[service.dns]
protocol = udp
ports = 5353`,
    doors: `[ssh]
sequence = 7001:udp,7002:UDP,7003:udp
command = knockctl accept %IP%
[web]
sequence = 7001:udp,8002:tcp,8003:udp
tcpflags = syn
command = knockctl accept %IP% --service web
[dns]
sequence = 9999:udp
command = knockctl accept %IP% --service=dns --timeout 400
[nobody]
sequence = 6001
tcpflags = syn
command = knockctl drop %IP% --timeout 40
`,
  },
  async (setting) => {
    const { lab, product, client, gets, opens, knock } = setting;
    for (const port of [80, 443, 8000, 8080]) await lab.tcpEcho('server', port);
    await lab.spawn('server', [process.execPath, '-e', UDP_ECHO]).until('listening');
    assert.equal(await isAnswered(setting, 'client'), true);
    await product.start();
    const openPorts = async (from: Place): Promise<number[]> => {
      const ports = [22, 80, 443, 8000, 8080];
      const open = await Promise.all(ports.map(async (port) => gets(from, port)));
      return ports.filter((_, index) => open[index]);
    };
    assert.deepEqual(await openPorts('client'), [8080], 'only what is protected is shut');
    assert.equal(await isAnswered(setting, 'client'), false);

    await knock('client', [7001, 7002, 7003], { client: 'debian', args: ['-u'] });
    await opens('client', 22);
    assert.deepEqual(await openPorts('client'), [22, 8080]);
    await knock('client', ['7001:udp', 8002, '8003:udp']);
    await opens('client', 443);
    assert.deepEqual(await openPorts('client'), [22, 80, 443, 8000, 8080]);
    assert.deepEqual(await openPorts('client2'), [8080]);
    await knock('client', ['9999:udp'], { client: 'debian' });
    await lab.waitFor(async () => isAnswered(setting, 'client'), 'an answer over UDP');
    assert.equal(await isAnswered(setting, 'client2'), false);

    const entries = await product.list('filter');
    assert.deepEqual(
      entries.map(({ service, by }) => `${service} ${by}`),
      ['ssh door ssh', 'web door web', 'dns door dns'],
    );
    const limits = [600, 800, 400];
    entries.forEach(({ address, timeout }, index) => {
      const limit = limits[index] ?? 0;
      assert.equal(address, client);
      assert.ok(
        timeout !== null && timeout <= limit && timeout > limit - 100,
        `${String(timeout)} of ${limit}`,
      );
    });

    // A decoy does not hit who is in. A ban is for all services.
    await product.must('flush', 'filter');
    await knock('client', [6001]);
    await product.waitForLog(new RegExp(`^${client} banned for 40 s`));
    assert.deepEqual(await openPorts('client'), [8080]);
    assert.equal(await isAnswered(setting, 'client'), false);
    assert.deepEqual(await product.addresses('filter'), []);
    await product.stop();
    assert.deepEqual(await openPorts('client2'), [22, 80, 443, 8000, 8080]);
  },
);

inTurn(
  'address = protects that destination alone, and a door’s target counts alone',
  {
    service: `address = ${ADDRESS.server[4]}, ${ADDRESS.server[6]}`,
    doors: `[any]
sequence = 7000,8000
tcpflags = syn
command = knockctl accept %IP%
[four]
sequence = 5000,5001
target = ${ADDRESS.server2[4]}
command = knockctl accept %IP%
[six]
sequence = 5000,5001
target = fd77:0002:0::1
command = knockctl accept %IP%
`,
  },
  async ({ lab, product, family, gets, opens, knock }) => {
    const other = ADDRESS.server2[family];
    await product.start();
    assert.equal(await gets('client'), false);
    assert.equal(await lab.canConnect('client', other, 22), true, 'the other address is not protected');
    await knock('client', [5000, 5001]);
    await lab.knock('client', other, [7000, 8000]);
    await opens('client');
    // The kernel opens; the supervisor adds the name of the door once the listener has told of it.
    const by = async (): Promise<string> => (await product.list('filter')).map((entry) => entry.by).join();
    await lab.waitFor(async () => (await by()) === 'door any', 'the entry to bear the name of the door');
    await product.must('flush', 'filter');
    await lab.knock('client', other, [5000, 5001]);
    await opens('client');
    const name = family === 4 ? 'four' : 'six';
    await lab.waitFor(async () => (await by()) === `door ${name}`, 'the entry to bear the name of the door');
  },
);

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ADDRESS, type Place } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import { createHost, type Host, install, seed, type Way, WAYS } from './host.js';

const SERVER = ADDRESS.server[4];
const CLIENT = ADDRESS.client[4];

/** A host that is shut but for its loopback and what is open already: what these doors are written for. */
async function shutHost(host: Host): Promise<void> {
  const rules = [
    '-A INPUT -i lo -j ACCEPT',
    '-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
    '-P INPUT DROP',
  ];
  for (const rule of rules) await host.lab.iptables('server', 4, rule.split(' '));
}

interface Run {
  readonly host: Host;
  readonly options: readonly string[];
  readonly knock: (from: Place, ports: readonly (string | number)[]) => Promise<void>;
  readonly gets: (from: Place, port: number) => Promise<boolean>;
  readonly becomes: (open: boolean, port: number) => Promise<void>;
}

/** Runs a configuration as a plain, supervised knockd, on a host that is shut; and stops it again. */
async function run(way: Way, doors: string, body: (run: Run) => Promise<void>): Promise<void> {
  await using host = await createHost(way);
  const { lab } = host;
  await shutHost(host);
  const options = install(host, way, doors);
  const gets = async (from: Place, port: number): Promise<boolean> => lab.canConnect(from, SERVER, port, 400);
  await host.must(...options, 'start');
  const status: unknown = JSON.parse(await host.must(...options, 'status', '--json'));
  assert.ok(typeof status === 'object' && status !== null && 'services' in status && 'state' in status);
  assert.deepEqual(status.services, [], 'a plain knockd has no chains of its own');
  assert.equal(status.state, 'armed');
  await body({
    host,
    options,
    gets,
    knock: async (from, ports) => {
      await lab.knock(from, SERVER, ports, { client: way.client });
    },
    becomes: async (open, port) => {
      const what = `port ${port} ${open ? 'open' : 'shut'}`;
      await lab.waitFor(async () => (await gets('client', port)) === open, what);
    },
  });
  await host.must(...options, 'stop');
}

interface Pair {
  readonly name: string;
  readonly port: number;
  readonly doors: readonly [string, string];
  readonly open: readonly (string | number)[];
  readonly close: readonly (string | number)[];
}

const PAIRS: readonly Pair[] = [
  {
    name: 'debian-default.knockd.conf',
    port: 22,
    doors: ['openSSH', 'closeSSH'],
    open: [7000, 8000, 9000],
    close: [9000, 8000, 7000],
  },
  {
    name: 'home-ftp.knockd.conf',
    port: 21,
    doors: ['openFTPControl', 'closeFTPControl'],
    open: [55540, 55542, 55541],
    close: [55541, 55542, 55540],
  },
  {
    name: 'open-close.knockd.conf',
    port: 22,
    doors: ['openSSH', 'closeSSH'],
    open: [2222, 3333, 4444],
    close: [4444, 3333, 2222],
  },
];

/** The ways take turns at the tests (matrix.ts). */
function eachWay(name: string, what: string, body: (way: Way) => Promise<void>): void {
  for (const way of inTurns(WAYS)) test(`${name}, ${way.way}: ${what}`, async () => body(way));
}

describe('seed configurations as a plain knockd', { concurrency: 2 }, () => {
  for (const { name, port, doors, open, close } of PAIRS) {
    eachWay(name, 'one door opens for the knocker, the other shuts', async (way) => {
      await run(way, seed(name), async ({ host, knock, gets, becomes }) => {
        const before = await host.lab.save('server', 4);
        assert.equal(await gets('client', port), false);
        await knock('client', open);
        await becomes(true, port);
        assert.equal(await gets('client2', port), false);
        assert.equal(await gets('client', port === 21 ? 22 : 21), false, 'the other port');
        const session = await host.lab.openSession('client', SERVER, port);
        await knock('client', close);
        await becomes(false, port);
        assert.equal(await host.lab.save('server', 4), before);
        assert.equal(await session.echo('still'), true);

        const logged = seed(name).includes('/var/log/knockd.log')
          ? host.read('/var/log/knockd.log').replaceAll(/^\[.{16}\] /gm, '')
          : host.syslog.replaceAll(/^<30>.* knockctl\[\d+\]: /gm, '');
        for (const door of doors) {
          assert.ok(logged.includes(`${CLIENT}: ${door}: OPEN SESAME\n`), logged);
          assert.ok(logged.includes(`\n${door}: running command: /sbin/iptables -`), logged);
        }
        assert.ok(!logged.includes('non-zero'), logged);
      });
    });
  }

  eachWay('home-ssh-udp.knockd.conf', 'opens; a stop of ours shuts what waits for its time', async (way) => {
    await run(way, seed('home-ssh-udp.knockd.conf'), async ({ host, options, knock, gets, becomes }) => {
      const before = await host.lab.save('server', 4);
      await knock('client', [44440, 44442, 44441]);
      assert.equal(await gets('client', 22), false, 'TCP packets are no UDP knocks');
      await knock('client', ['44440:udp', '44442:udp', '44441:udp']);
      await becomes(true, 22);
      assert.equal(await gets('client2', 22), false);
      assert.match(await host.must(...options, 'status'), /1 stop commands wait/);
      await host.must(...options, 'stop');
      assert.equal(await host.lab.save('server', 4), before);
      assert.match(host.syslog, /opencloseSSH: command timeout/);
    });
  });

  eachWay('home-ssh-udp.knockd.conf', 'shuts by itself (after 2 s instead of 300)', async (way) => {
    const doors = seed('home-ssh-udp.knockd.conf').replace('cmd_timeout = 300', 'cmd_timeout = 2');
    await run(way, doors, async ({ host, knock, becomes }) => {
      const before = await host.lab.save('server', 4);
      await knock('client', ['44440:udp', '44442:udp', '44441:udp']);
      await becomes(true, 22);
      await becomes(false, 22);
      assert.equal(await host.lab.save('server', 4), before);
    });
  });

  eachWay('mixed-proto.knockd.conf', 'opens by UDP and TCP, and shuts 10 s later', async (way) => {
    await run(way, seed('mixed-proto.knockd.conf'), async ({ host, knock, gets, becomes }) => {
      const before = await host.lab.save('server', 4);
      await knock('client', [2222, 3333, 4444]);
      assert.equal(await gets('client', 22), false, 'the wrong protocols');
      await knock('client', ['2222:udp', '3333:tcp', '4444:udp']);
      await becomes(true, 22);
      const openedMs = performance.now();
      assert.equal(await gets('client2', 22), false);
      await becomes(false, 22);
      const openS = (performance.now() - openedMs) / 1000;
      assert.ok(openS > 8, `open for ${openS} s`);
      assert.equal(await host.lab.save('server', 4), before);
      assert.match(host.read('/var/log/knockd.log'), /\] 10\.77\.1\.2: opencloseSSH: command timeout\n/);
    });
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ADDRESS, type Place } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import { createHost, seed, type Host, type Way, WAYS } from './host.js';

const SERVER = ADDRESS.server[4];

/** A published set-up: how its doors are knocked at, and what its author had opened. */
interface SetUp {
  readonly name: string;
  readonly port: number;
  readonly open: readonly (string | number)[];
  /** The closing door; without one the time-out closes. */
  readonly close?: readonly (string | number)[];
  /** What is shortened in the copy. */
  readonly shorter?: readonly [from: string, to: string];
}

const SET_UPS: readonly SetUp[] = [
  { name: 'debian-default.knockd.conf', port: 22, open: [7000, 8000, 9000], close: [9000, 8000, 7000] },
  { name: 'open-close.knockd.conf', port: 22, open: [2222, 3333, 4444], close: [4444, 3333, 2222] },
  { name: 'home-ftp.knockd.conf', port: 21, open: [55540, 55542, 55541], close: [55541, 55542, 55540] },
  {
    name: 'home-ssh-udp.knockd.conf',
    port: 22,
    open: ['44440:udp', '44442:udp', '44441:udp'],
    shorter: ['cmd_timeout = 300', 'cmd_timeout = 4'],
  },
  {
    name: 'mixed-proto.knockd.conf',
    port: 22,
    open: ['2222:udp', '3333:tcp', '4444:udp'],
    shorter: ['cmd_timeout   = 10', 'cmd_timeout   = 4'],
  },
];

/** What an administrator with such doors has by way of base rules. */
async function shutHost({ lab }: Host): Promise<void> {
  for (const rule of [
    '-A INPUT -i lo -j ACCEPT',
    '-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
    '-P INPUT DROP',
  ]) {
    await lab.iptables('server', 4, rule.split(' '));
  }
}

async function check(way: Way, { name, port, open, close, shorter }: SetUp): Promise<void> {
  await using host = await createHost(way);
  const { lab } = host;
  await shutHost(host);
  const before = await lab.save('server', 4);
  const text = seed(name);
  host.write('/etc/knockd.conf', shorter === undefined ? text : text.replace(...shorter));
  await host.must('import', '/etc/knockd.conf', '--write', '/etc/knockctl');
  assert.match(await host.must('check'), /knockctl\.conf: good\n/);
  await host.must('start');

  const gets = async (from: Place, at = port): Promise<boolean> => lab.canConnect(from, SERVER, at, 400);
  const becomes = async (isOpen: boolean): Promise<void> => {
    const what = `port ${port} ${isOpen ? 'open' : 'shut'}`;
    await lab.waitFor(async () => (await gets('client')) === isOpen, what);
  };
  assert.equal(await gets('client'), false);
  await lab.knock('client', SERVER, open, { client: way.client });
  await becomes(true);
  assert.equal(await gets('client2'), false, 'for the knocker only');
  assert.equal(await gets('client', 43 - port), false, 'that port only');
  const session = await lab.openSession('client', SERVER, port);
  if (close !== undefined) {
    assert.equal(await gets('client'), true);
    await lab.knock('client', SERVER, close, { client: way.client });
  }
  await becomes(false);
  assert.equal(await session.echo('still'), true, 'what was open goes on');
  await lab.knock('client', SERVER, open, { client: way.client });
  await becomes(true);
  await host.must('stop');
  assert.equal(await lab.save('server', 4), before, 'no rule of a door is left');
}

describe('imported set-ups do what they did', { concurrency: 2 }, () => {
  for (const setUp of SET_UPS) {
    for (const way of inTurns(WAYS)) {
      const how = setUp.close === undefined ? 'the kernel’s time-out shuts' : 'the closing door shuts';
      test(`${setUp.name} (${way.backend}): opens for the knocker only, ${how}`, async () => {
        await check(way, setUp);
      });
    }
  }
});

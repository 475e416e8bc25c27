/** SYN cookies, forced and on demand: sessions go on through a ban, and no cookie gets anybody in who is banned. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { FAMILIES, type Family } from '../../src/base/address.js';
import { ADDRESS, createLab, type Lab, type Session } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import { Product } from '../helpers/product.js';
import { BACKENDS, DOORS, look, patient } from './setting.js';

const here = (name: string): string =>
  fileURLToPath(new URL(`../../../test/helpers/${name}`, import.meta.url));
/** Whose connections stay half open: the second client's network has nobody there. */
const SILENT = '10.77.2.200';
/** More than the server's backlog. */
const HALF_OPEN = 1_000;

async function must(lab: Lab, place: 'server' | 'client2', ...argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.exec(place, argv);
  assert.equal(exitCode, 0, `${argv.join(' ')}: ${stderr}`);
  return stdout;
}

/** A counter of the server's kernel, of /proc/net/netstat. */
async function counter(lab: Lab, name: string): Promise<number> {
  const lines = (await must(lab, 'server', '/bin/cat', '/proc/net/netstat')).split('\n');
  const [names = [], values = []] = lines
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf(name)]);
}

/** Fills the server's backlog, so that it answers with cookies. */
async function fillBacklog(lab: Lab, product: Product): Promise<void> {
  await product.must('trust', SILENT);
  const link = await must(lab, 'client2', '/usr/sbin/ip', '-o', 'link', 'show', 'eth0');
  const mac = /link\/ether (\S+)/.exec(link)?.[1] ?? '';
  // Answers arrive at a host that has no such address, and are dropped there.
  await must(lab, 'server', '/usr/sbin/ip', 'neigh', 'add', SILENT, 'lladdr', mac, 'dev', 'eth1');
  const words = [SILENT, ADDRESS.server[4], '22', String(HALF_OPEN)];
  await must(lab, 'client2', '/usr/bin/python3', here('half-open.py'), ...words);
  assert.ok((await counter(lab, 'SyncookiesSent')) > 0, 'no cookie was needed');
}

async function open(lab: Lab): Promise<Session[]> {
  return Promise.all(FAMILIES.map(async (family) => lab.openSession('client', ADDRESS.server[family], 22)));
}

/** Who asks for a cookie now, and uses it when told to. */
async function cookieOf(lab: Lab, family: Family): Promise<{ readonly isSilent: () => Promise<void> }> {
  const words = [ADDRESS.client[family], ADDRESS.server[family], '22', 'SYN:cookie'];
  const prober = lab.spawn('client', ['/usr/bin/python3', here('odd-packets.py'), ...words]);
  await prober.until('ready');
  return {
    isSilent: async () => {
      prober.write('\n');
      await prober.until('silent');
    },
  };
}

// Red without the rule that drops strays (a cookie gets in), and without its -m socket (sessions end).
for (const cookies of [1, 2]) {
  for (const backend of inTurns(BACKENDS)) {
    test(`tcp_syncookies = ${cookies}: sessions go on through a ban, a restart and a stop (${backend})`, async () => {
      await using lab = await createLab({ backend });
      await must(lab, 'server', '/sbin/sysctl', '-qw', `net.ipv4.tcp_syncookies=${cookies}`);
      await lab.tcpEcho('server', 22);
      const product = new Product(lab, {
        conf: patient(backend, { service: 'on_failure = hold' }),
        doors: DOORS,
      });
      const sessions = await open(lab);
      await product.start();
      const all = FAMILIES.map((family) => look(lab, product, family));
      for (const { client } of all) await product.must('accept', client);
      sessions.push(...(await open(lab)));
      if (cookies === 1) await fillBacklog(lab, product);
      const byCookie = await counter(lab, 'SyncookiesRecv');
      sessions.push(...(await open(lab)));
      assert.equal(await counter(lab, 'SyncookiesRecv'), byCookie + FAMILIES.length, 'not by a cookie');
      const unused = await Promise.all(FAMILIES.map(async (family) => cookieOf(lab, family)));

      const goOn = async (when: string): Promise<void> => {
        for (const [index, session] of sessions.entries())
          assert.ok(await session.echo('x'), `session ${index} ${when}`);
      };
      for (const { client } of all) await product.must('drop', client);
      await goOn('after the ban');
      for (const { gets } of all) assert.equal(await gets('client'), false);
      for (const cookie of unused) await cookie.isSilent();
      await product.must('restart');
      await goOn('after a restart');
      await product.kill('supervisor');
      await goOn('without a supervisor');
      for (const { gets } of all) assert.equal(await gets('client'), false);
      await product.stop();
      await goOn('after stop');
    });
  }
}

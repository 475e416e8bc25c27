/** What packets with forged sources can do, with the whole product: a bounded harm, which ends. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Family } from '../../src/base/address.js';
import type { Lab } from '../helpers/lab.js';
import { DECOY, DOORS, inTurn, OPEN, type Setting } from './setting.js';

/**
 * python3 FLOOD SECONDS RATE FAMILY DESTINATION PORT… : from ever new sources, or, with SOURCES in the environment, from those,
 * one SYN for each port in turn.
 */
const FLOOD = `
import os, socket, struct, sys, time
seconds, rate, family, dst = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
ports = [int(p) for p in sys.argv[5:]]
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); raw.bind(('eth0', 0))
mac = raw.getsockname()[4]; dmac = bytes.fromhex(os.environ['DMAC'].replace(':', ''))
F = socket.AF_INET if family == 4 else socket.AF_INET6
D = socket.inet_pton(F, dst)
fixed = [socket.inet_pton(F, s) for s in os.environ.get('SOURCES', '').split()]
def csum(b):
    s = sum(struct.unpack('!%dH' % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
def source(n):
    if fixed: return fixed[n % len(fixed)]
    low = struct.pack('!I', 0x0b000000 + n)
    return low if family == 4 else socket.inet_pton(F, '2001:db9::')[:12] + low
def frame(n, port):
    S = source(n)
    t = struct.pack('!HHIIBBHHH', 1024 + n % 60000, port, n & 0xffffffff, 0, 5 << 4, 2, 64240, 0, 0)
    p = S + D + (struct.pack('!II', 20, 6) if family == 6 else struct.pack('!HH', 6, 20))
    t = t[:16] + struct.pack('!H', csum(p + t)) + t[18:]
    if family == 6: return dmac + mac + b'\\x86\\xdd' + struct.pack('!IHBB', 6 << 28, 20, 6, 64) + S + D + t
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, n & 0xffff, 0, 64, 6, 0, S, D)
    return dmac + mac + b'\\x08\\x00' + ip[:10] + struct.pack('!H', csum(ip)) + ip[12:] + t
begin = time.monotonic(); n = sent = 0
while time.monotonic() - begin < seconds:
    if fixed and n >= len(fixed): break
    for port in ports: raw.send(frame(n, port)); sent += 1
    n += 1
    ahead = sent / rate - (time.monotonic() - begin)
    if ahead > 0.002: time.sleep(ahead)
print(n, sent / (time.monotonic() - begin))
`;

interface Flood {
  readonly seconds?: number;
  readonly rate?: number;
  readonly sources?: readonly string[];
  readonly ports?: readonly number[];
}

/** Sends forged SYNs from the second client; gives how many sources, and packets a second. */
async function forge(
  { lab, server, family }: Pick<Setting, 'lab' | 'server' | 'family'>,
  { seconds = 5, rate = 50_000, sources = [], ports = DECOY }: Flood,
): Promise<{ readonly sources: number; readonly rate: number }> {
  const dmac = await serverMac(lab);
  const argv = [
    '/usr/bin/env',
    `DMAC=${dmac}`,
    `SOURCES=${sources.join(' ')}`,
    '/usr/bin/python3',
    '-c',
    FLOOD,
  ];
  const words = [String(seconds), String(rate), String(family), server, ...ports.map(String)];
  const done = await lab.exec('client', [...argv, ...words], { timeoutMs: 120_000 });
  assert.equal(done.exitCode, 0, done.stderr);
  const [n = '0', perSecond = '0'] = done.stdout.trim().split(' ');
  return { sources: Number(n), rate: Number(perSecond) };
}

async function serverMac(lab: Lab): Promise<string> {
  return (await lab.exec('server', ['/usr/bin/cat', '/sys/class/net/eth0/address'])).stdout.trim();
}

/** Bytes in a folder and those below it. */
function size(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce((sum, name) => {
    const info = statSync(`${folder}/${name}`);
    return sum + (info.isFile() ? info.size : 0);
  }, 0);
}

/** Bytes that a process has had written, and what it holds in memory. */
function costs(pid: number): { readonly written: number; readonly resident: number } {
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    written: Number(/^wchar: (\d+)/m.exec(io)?.[1]),
    resident: 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]),
  };
}

const LONG = 'decoy_timeout = 25\non_failure = hold\naccept_timeout = 120';

describe('forged packets', { concurrency: 1 }, () => {
  inTurn(
    'ban neither who is in, nor the host itself, nor for ever; and no shell line is run for addresses that nobody has',
    {
      service: 'decoy_timeout = 6\non_failure = hold',
      doors: `${DOORS}\n[shell]\nsequence = 5000\ntcpflags = syn\ncommand = true %IP%\n`,
    },
    async (setting) => {
      const { product, client, server, family, gets, knock, lab } = setting;
      await product.start();
      await knock('client', OPEN);
      await product.waitForLog(/accepted at ssh/);
      const nobodys: Record<Family, readonly string[]> = {
        4: ['127.0.0.1', '127.1.2.3', server, '0.0.0.0', '255.255.255.255', '224.0.0.9'],
        6: ['::1', server, '::', 'ff02::1', 'ff00::', '::ffff:10.77.1.9'],
      };
      await forge(setting, { sources: [client, ...nobodys[family]], ports: [...DECOY, 5000] });
      await product.waitForLog(/is let in at this moment/);
      assert.equal(await gets('client'), true);
      assert.deepEqual(await product.addresses('banned'), []);
      const ran = product.log().filter((line) => line.includes('shell: running command'));
      assert.ok(
        ran.every((line) => line.includes(client)),
        ran.join('\n'),
      );
      assert.equal(
        product.log().filter((line) => nobodys[family].some((one) => line.includes(` ${one} `))).length,
        0,
      );

      await knock('client2', DECOY);
      await knock('client2', OPEN);
      assert.equal(await gets('client2'), false, 'kept out, although it knocks');
      await lab.waitFor(async () => (await product.addresses('banned')).length === 0, 'the end of the ban');
      await knock('client2', OPEN);
      assert.equal(await gets('client2'), true);
      for (const target of ['127.0.0.1', '::', server, 'ff00::', '255.255.255.255'])
        assert.equal((await product.ctl(['drop', target])).exitCode, 64, target);
    },
  );

  // reports/09: a ban for ever was over 3 s after the banned one had touched a decoy again, a grant of a day after a knock.
  inTurn(
    'shorten no ban, and a knock no grant',
    {
      service: 'accept_timeout = 3\non_failure = hold',
      doors: `${DOORS}\n[short]\nsequence = 7001\ntcpflags = syn\ncommand = knockctl drop %IP% --timeout 3\n[hour]\nsequence = 7002\ntcpflags = syn\ncommand = knockctl accept %IP% --timeout 3600\n[close]\nsequence = 4000\ntcpflags = syn\ncommand = knockctl flush %IP%\n`,
    },
    async ({ product, client, client2, gets, knock }) => {
      await product.start();
      await product.must('drop', client2, '--timeout', '0');
      await knock('client2', [7001]);
      await product.must('accept', client, '--timeout', '86400');
      await knock('client', OPEN);
      await product.waitForLog(new RegExp(`^${client} accepted at ssh for 3 s`));
      await knock('client', [4000]);
      await knock('client2', [4000]);
      await product.waitForLog(/is out of filter|flushed from filter/, 2);
      await sleep(5_000);
      assert.equal(await gets('client'), true, 'granted for a day');
      assert.equal(await gets('client2'), false, 'banned for ever');
      const [ban, ...others] = await product.list('banned');
      assert.deepEqual([ban?.address, ban?.timeout, others], [client2, null, []]);
      const [grant] = await product.list('filter');
      assert.ok((grant?.timeout ?? 0) > 80_000);
      await product.stop();
      await product.start();
      assert.equal(await gets('client'), true, 'over a restart too');
      assert.equal(await gets('client2'), false);
      await product.must('flush', client, client2);
      assert.equal(await gets('client'), false);
      // What a door has granted for an hour another one, for 3 s, does not shorten: neither the kernel nor the listener.
      await knock('client2', [7002]);
      await product.waitForLog(new RegExp(`^${client2} accepted at ssh for 3600 s`));
      await knock('client2', OPEN);
      await product.waitForLog(new RegExp(`^${client2} accepted at ssh for 3 s .for longer, if`));
      const [hour] = await product.list('filter');
      assert.ok((hour?.timeout ?? 0) > 3_000, String(hour?.timeout));
    },
  );

  inTurn(
    'in a flood cut off nobody who is in, and fill neither memory nor disk',
    { service: LONG },
    async (setting) => {
      const { lab, product, client2, gets, opens, knock } = setting;
      await product.start();
      await knock('client', OPEN);
      await opens('client');
      const supervisor = product.identity('supervisor');
      assert.ok(supervisor !== undefined);
      const before = costs(supervisor.pid);
      const flood = forge(setting, { seconds: 12 });
      await sleep(3_000);
      assert.equal(await gets('client'), true, 'who is in stays in');
      await knock('client2', OPEN);
      await opens('client2');
      await product.must('flush', client2);
      const { sources, rate } = await flood;
      assert.equal(await gets('client'), true);
      const { written, resident } = costs(supervisor.pid);
      const status = await product.status();
      const banned = status.services[0]?.entries.decoyed ?? 0;
      const told = `${sources} sources, ${Math.round(rate)} packets/s: ${banned} banned, ${written - before.written} bytes written, ${resident - before.resident} more resident, ${size(product.paths.state)} in the state folder`;
      assert.ok(banned > 1_000 && banned <= 393_216, told);
      assert.ok(written - before.written < 8_000_000, told);
      assert.ok(resident - before.resident < 100_000_000, told);
      assert.ok(size(product.paths.state) < 16_000_000, told);
      const events = await product.events();
      assert.ok(
        events.some(({ text }) => text.includes('armed')),
        'the history still tells of the start',
      );
      await product.must('drop', '203.0.113.9');
      await product.must('flush', '203.0.113.9');
      await knock('client2', OPEN);
      await opens('client2');
      const none = async (): Promise<boolean> => (await product.status()).services[0]?.entries.decoyed === 0;
      await lab.waitFor(async () => (await product.list('banned')).length === 0, 'the end of all bans');
      await lab.waitFor(none, 'the end of all entries');
      assert.equal(status.state, 'armed');
    },
  );
});

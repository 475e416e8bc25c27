import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import type { PacketSpec } from '../helpers/packets.js';
import { sendFrames, startBeside } from './beside.js';

const { 4: server } = ADDRESS.server;
const { 4: client } = ADDRESS.client;
const DOOR = 'seq_timeout = 5\ntcpflags = syn\n';

let sent = 0;
/** A SYN to a port of the server's. */
function syn(port: number, source: string = client): PacketSpec {
  sent += 1;
  return { source, destination: server, destinationPort: port, sequence: sent, ipId: sent };
}

// knockd 0.8: half a second over the end of a second is over a window of 1 s, seen 2026-11-21.
test('the window is exact, wherever in a second it begins', async () => {
  await using beside = await startBeside({
    doors: '[d]\nsequence = 7000,7001\nseq_timeout = 1\ntcpflags = syn\n',
  });
  const { lab, ours, theirs } = beside;
  await sendFrames(lab, ['at:0.75', syn(7000), 'sleep:0.5', syn(7001)]);
  await beside.settle();
  assert.deepEqual(ours.opened(), ['d']);
  assert.deepEqual(theirs.opened(), []);
  await sendFrames(lab, ['at:0.1', syn(7000), 'sleep:1.2', syn(7001)]);
  await beside.settle();
  assert.deepEqual(ours.opened(), ['d'], 'not longer either');
});

// knockd 0.8: the second of two is lost when the first has opened, or was wrong, seen 2026-11-21.
test('two that knock at once both open, and the end of one is nothing to the other', async () => {
  await using beside = await startBeside({ doors: `[a]\nsequence = 7000,7001,7002\n${DOOR}` });
  const { lab, ours, theirs } = beside;
  const [anna, ben] = ['10.77.1.50', '10.77.1.51'] as const;
  await sendFrames(
    lab,
    [7000, 7001, 7002].flatMap((port) => [syn(port, anna), syn(port, ben)]),
  );
  await beside.settle();
  const opened = (source: string): string => `${source}: a: OPEN SESAME`;
  for (const [daemon, who] of [
    [ours, [anna, ben]],
    [theirs, [anna]],
  ] as const) {
    assert.deepEqual(
      daemon.lines().filter((line) => line.includes(': a: OPEN')),
      who.map(opened),
    );
  }
  await sendFrames(lab, [syn(7000, anna), syn(7000, ben), syn(7002, anna), syn(7001, ben), syn(7002, ben)]);
  await beside.settle();
  assert.deepEqual([ours.opened().length, theirs.opened().length], [3, 1]);
  assert.ok(!theirs.lines().includes(opened(ben)));
});

// knockd 0.8: the longer door is lost where it comes second, seen 2026-11-21. Doors of one length do all advance there.
for (const [what, doors, opens, opensThere] of [
  ['the longer first', { a: '7000,7001,7002', b: '7000,7001' }, ['b', 'a'], ['b', 'a']],
  ['the shorter first', { a: '7000,7001', b: '7000,7001,7002' }, ['a', 'b'], ['a']],
  ['of one length', { a: '7000,7001,7003', b: '7000,7001,7002' }, ['b'], ['b']],
] as const) {
  test(`doors that share a prefix all advance: ${what}`, async () => {
    const text = Object.entries(doors).map(([name, ports]) => `[${name}]\nsequence = ${ports}\n${DOOR}`);
    await using beside = await startBeside({ doors: text.join('') });
    await beside.lab.knock('client', server, [7000, 7001, 7002]);
    await beside.settle();
    assert.deepEqual(beside.ours.opened(), opens);
    assert.deepEqual(beside.theirs.opened(), opensThere);
  });
}

/** Datagrams to port 7000, 10,000 a second, each from another source of 10.0.0.0/8. */
const FORGE = `
import socket, struct, sys, time
destination, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for number in range(first, first + count):
    head = struct.pack('!BBHHHBBH', 0x45, 0, 29, number & 0xffff, 0, 64, 17, 0)
    source = struct.pack('!I', (10 << 24) + (9 << 16) + number)
    out.sendto(head + source + socket.inet_aton(destination) + struct.pack('!HHHHB', 40000, 7000, 9, 0, 0), (destination, 0))
    if number % 50 == 49: time.sleep(0.005)
`;

/** Time of the processor that a process has taken, in clock ticks of 10 ms (proc(5): fields 14 and 15). */
function ticks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

// knockd 0.8: 22 µs a packet for the first 5,000 attempts, 66 µs for the next, 1.3 s for 10,000 from there on; and 140 bytes
// for each that it never gives back. Ours: 0.1 s for each 10,000. Seen 2026-11-21.
test('many attempts make each packet no dearer', async () => {
  await using beside = await startBeside({ doors: '[d]\nsequence = 7000:udp,7001:udp\nseq_timeout = 60\n' });
  const { lab, product, knockd, theirs } = beside;
  const listener = product.identity('listener')?.pid ?? 0;
  const batch = async (first: number): Promise<{ ours: number; perPacketThere: number }> => {
    const before = [ticks(listener), ticks(knockd.pid), theirs.lines().length] as const;
    const argv = ['/usr/bin/python3', '-c', FORGE, server, String(first), '5000'];
    const done = await lab.exec('client', argv);
    assert.equal(done.exitCode, 0, done.stderr);
    await beside.settle();
    // knockd logs a line for each; on a busy machine its capture loses many.
    const heard = theirs.lines().length - before[2];
    return { ours: ticks(listener) - before[0], perPacketThere: (ticks(knockd.pid) - before[1]) / heard };
  };
  const first = await batch(0);
  const second = await batch(5_000);
  const numbers = JSON.stringify([first, second]);
  assert.ok(second.ours <= first.ours * 2 + 20, numbers);
  assert.ok(second.perPacketThere > first.perPacketThere * 1.4, numbers);
});

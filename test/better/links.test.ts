import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ADDRESS, type Lab } from '../helpers/lab.js';
import { buildPacket, type PacketSpec } from '../helpers/packets.js';
import { END_PORT, sendFrames, startBeside, type Beside } from './beside.js';

const four = { source: ADDRESS.client[4], destination: ADDRESS.server[4] };
const six = { source: ADDRESS.client[6], destination: ADDRESS.server[6] };
const DOORS = '[d]\nsequence = 7000\ntcpflags = syn\n';
const PADDING_OPTION = { header: 60, body: Buffer.from([1, 4, 0, 0, 0, 0]) };

async function ip(lab: Lab, ...commands: readonly string[]): Promise<void> {
  for (const command of commands) {
    const done = await lab.exec('server', ['/usr/sbin/ip', ...command.split(' ')]);
    assert.equal(done.exitCode, 0, `ip ${command}: ${done.stderr}`);
  }
}

/** How often both have opened since the last call. */
function counter({ ours, theirs }: Beside): () => { ours: number; knockd: number } {
  let seen = [0, 0];
  return () => {
    const now = [ours.opened().length, theirs.opened().length];
    const [mine = 0, other = 0] = now.map((count, index) => count - (seen[index] ?? 0));
    seen = now;
    return { ours: mine, knockd: other };
  };
}

// knockd 0.8: hears no packet with a VLAN tag, and no IPv6 one with an extension header, seen 2026-11-21.
test('on Ethernet: tags, options and extension headers', async () => {
  await using beside = await startBeside({ doors: DOORS });
  const opened = counter(beside);
  const packets: readonly (readonly [string, PacketSpec, number])[] = [
    ['IPv4', four, 1],
    ['IPv6', six, 1],
    ['IPv4 with options', { ...four, options: Buffer.alloc(8, 1) }, 1],
    ['IPv4 with a VLAN tag', { ...four, tags: [0x8100] }, 0],
    ['IPv6 with a VLAN tag', { ...six, tags: [0x8100] }, 0],
    ['IPv6 with an extension header', { ...six, extensions: [PADDING_OPTION] }, 0],
  ];
  for (const [what, spec, knockd] of packets) {
    await sendFrames(beside.lab, [{ ...spec, destinationPort: 7000 }]);
    await beside.settle();
    assert.deepEqual(opened(), { ours: 1, knockd }, what);
  }
});

/** A device tun0 that gets the packets that are written to standard input, one a line. */
const TUN = `
import fcntl, os, struct, sys
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'tun0', 0x1001)) # TUNSETIFF, IFF_TUN | IFF_NO_PI
print('made', flush=True)
for line in sys.stdin: os.write(tun, bytes.fromhex(line))
`;

// knockd 0.8: hears IPv4, and says that IPv6 is not supported there, seen 2026-11-21.
test('on a device without link layer, as WireGuard and PPP have it', async () => {
  let write: (line: string) => void = () => undefined;
  const makeTun = async (lab: Lab): Promise<void> => {
    const tun = lab.spawn('server', ['/usr/bin/python3', '-c', TUN]);
    await tun.until('made');
    await ip(lab, 'addr add 10.77.8.1/24 dev tun0', 'addr add fd77:8::1/64 dev tun0 nodad');
    await ip(lab, 'link set tun0 up');
    write = (line) => {
      tun.write(`${line}\n`);
    };
  };
  await using beside = await startBeside({ doors: DOORS, interface: 'tun0' }, {}, makeTun);
  const opened = counter(beside);
  const send = (spec: PacketSpec): void => {
    write(buildPacket({ link: 'raw', ...spec }).toString('hex'));
  };
  const v4 = { source: '10.77.8.2', destination: '10.77.8.1' };
  const end = { ...v4, protocol: 'udp', destinationPort: END_PORT, payload: Buffer.from([0]) } as const;
  for (const [spec, knockd] of [
    [v4, 1],
    [{ source: 'fd77:8::2', destination: 'fd77:8::1' }, 0],
  ] as const) {
    send({ ...spec, destinationPort: 7000 });
    await beside.settle(undefined, async () => {
      send(end);
      return Promise.resolve();
    });
    assert.deepEqual(opened(), { ours: 1, knockd }, spec.source);
  }
  assert.match(beside.knockd.stderr, /IPv6 is not supported under this link-layer type/);
});

// knockd 0.8: on `any` no door without a Target opens, and none over IPv6, seen 2026-11-21.
test('`any` works for every door', async () => {
  const target = (port: number, address: string): string =>
    `[to${port}]\nsequence = ${port}\ntarget = ${address}\n`;
  const doors = `[plain]\nsequence = 7000\n${target(7004, four.destination)}${target(7006, six.destination)}`;
  await using beside = await startBeside({ doors, interface: 'any' });
  const { lab, ours, theirs } = beside;
  await lab.knock('client', six.destination, [7000, 7006]);
  await lab.knock('client', four.destination, [7000, 7004]);
  await beside.settle([ours]);
  assert.deepEqual(ours.opened(), ['plain', 'to7006', 'plain', 'to7004']);
  await beside.until(theirs, ': to7004: OPEN SESAME');
  assert.deepEqual(theirs.opened(), ['to7004']);
});

// knockd 0.8: reads its addresses once, and hears nothing for those that come later, seen 2026-11-21.
test('own addresses are followed as they change', async () => {
  await using beside = await startBeside({ doors: DOORS });
  const { lab, ours, theirs } = beside;
  await ip(lab, 'addr add 10.77.1.77/24 dev eth0', 'addr add fd77:1::77/64 dev eth0 nodad');
  for (const [index, address] of ['10.77.1.77', 'fd77:1::77'].entries()) {
    const opens = async (): Promise<boolean> => {
      await lab.knock('client', address, [7000]);
      return ours.opened().length > index;
    };
    await lab.waitFor(opens, `a knock at ${address}`);
  }
  await beside.settle();
  assert.deepEqual(theirs.opened(), []);
});

// knockd 0.8: compares the text of an IPv6 Target, and knows the canonical form only, seen 2026-11-21.
test('Target may be written in any form of IPv6', async () => {
  const forms = ['fd77:1::1', 'FD77:1::1', 'fd77:0001:0::1', 'fd77:1:0:0:0:0:0:1', 'fd77:1::0.0.0.1'];
  const doors = forms.map((form, index) => `[d${index}]\nsequence = ${7000 + index}\ntarget = ${form}\n`);
  await using beside = await startBeside({ doors: doors.join('') });
  const { lab, ours, theirs } = beside;
  await lab.knock(
    'client',
    six.destination,
    forms.map((_, index) => 7000 + index),
  );
  await beside.settle();
  assert.deepEqual(ours.opened(), ['d0', 'd1', 'd2', 'd3', 'd4']);
  assert.deepEqual(theirs.opened(), ['d0']);
});

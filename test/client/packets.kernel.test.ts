/** Real packets, beside those of Debian's client (package knockd), as tcpdump sees them at the server. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { FAMILIES } from '../../src/base/address.js';
import { ADDRESS, createLab, type KnockOptions, type Lab } from '../helpers/lab.js';
import type { ExecResult, LabProcess } from '../helpers/processes.js';
import { Control, nowMs } from '../helpers/promise.js';

interface Packet {
  /** `tcp [S] 7000 length 0` or `udp 8000 00`: port, flags and length, or payload in hexadecimal. */
  readonly text: string;
  readonly seconds: number;
}

interface Seen extends ExecResult {
  readonly packets: readonly Packet[];
  readonly elapsedMs: number;
}

interface Sequence {
  readonly name: string;
  readonly ports: readonly (string | number)[];
  readonly args: readonly string[];
}

const OPEN = 7000;
const CLOSED = 8000;
const DROPPED = 9000;
const OURS = fileURLToPath(new URL('../../app/bin/knock.js', import.meta.url));
const DEBIANS = '/usr/bin/knock';

let lab: Lab;
/** One capture at the server for the whole file; marks, datagrams to ever higher ports, part its tests. */
let dump: LabProcess;
let mark = 60_000;

before(async () => {
  lab = await createLab({ backend: 'nft' });
  await lab.tcpEcho('server', OPEN);
  for (const family of FAMILIES) {
    await lab.iptables('server', family, [
      '-A',
      'INPUT',
      '-p',
      'tcp',
      '--dport',
      String(DROPPED),
      '-j',
      'DROP',
    ]);
  }
  const filter = 'udp or tcp dst portrange 1-32767';
  dump = lab.spawn('server', ['tcpdump', '-i', 'eth0', '-nn', '-tt', '-l', '-x', '--immediate-mode', filter]);
  await dump.until('listening on');
});

after(async () => {
  await lab.dispose();
});

/** Sets a mark and gives the SYNs and datagrams since the one before. */
async function packetsSinceMark(): Promise<Packet[]> {
  const [earlier, now] = [`udp ${mark} `, `udp ${mark + 1} `];
  mark += 1;
  await lab.knock('client', ADDRESS.server[4], [`${mark}:udp`], { client: 'debian' });
  // The packet after it, so that the mark itself is there in full.
  await lab.knock('client', ADDRESS.server[4], ['59999:udp'], { client: 'debian' });
  await lab.waitFor(() => parse(dump.stdout).some(({ text }) => text.startsWith(now)), `the mark ${now}`);
  const all = parse(dump.stdout).filter(({ text }) => text.startsWith('tcp [S') || text.startsWith('udp'));
  const start = all.findIndex(({ text }) => text.startsWith(earlier)) + 1;
  const end = all.findIndex(({ text }) => text.startsWith(now));
  return all.slice(start, end).filter(({ text }) => !text.startsWith('udp 59999 '));
}

async function watch(
  client: NonNullable<KnockOptions['client']>,
  host: string,
  ports: readonly (string | number)[],
  args: readonly string[] = [],
): Promise<Seen> {
  const start = performance.now();
  const done = await lab.knock('client', host, ports, { client, args });
  const elapsedMs = performance.now() - start;
  return { ...done, elapsedMs, packets: await packetsSinceMark() };
}

/** Reads `tcpdump -nn -tt -x`: a line a packet, then its bytes from the IP header on. */
function parse(text: string): Packet[] {
  return text.split(/\n(?=[0-9]+\.)/).flatMap((block) => {
    // tcpdump decodes datagrams to well-known ports in words of its own: their bytes alone are read.
    const head = /^([0-9.]+) (IP6?) \S+ > \S+\.([0-9]+): (?:Flags (\[[^\]]+\]).*length ([0-9]+))?.*/.exec(
      block,
    );
    if (head === null) return [];
    const [line, seconds, family, port = '', flags, length = ''] = head;
    const bytes = block.slice(line.length).replaceAll(/0x[0-9a-f]+:|\s/g, '');
    const headers = (family === 'IP6' ? 40 : 20) + 8;
    const udp = `udp ${port} ${bytes.slice(headers * 2)}`;
    return [
      { text: flags === undefined ? udp : `tcp ${flags} ${port} length ${length}`, seconds: Number(seconds) },
    ];
  });
}

function texts(seen: Seen): string[] {
  return seen.packets.map(({ text }) => text);
}

const SEQUENCES: readonly Sequence[] = [
  { name: 'TCP to an open, a closed and a dropping port', ports: [OPEN, CLOSED, DROPPED], args: ['-v'] },
  { name: 'TCP and UDP mixed', ports: ['7000:udp', '8000:udp', '8001:tcp', '8002'], args: ['-v'] },
  { name: '-u', ports: ['7000', '8000:tcp', '9000'], args: ['-uv'] },
  { name: 'names of services', ports: ['ssh', 'domain:udp', 'ntp', 'http:udp'], args: ['-v', '-d', '10'] },
];

for (const family of FAMILIES) {
  for (const { name, ports, args } of SEQUENCES) {
    test(`IPv${family}: ${name}`, async () => {
      const theirs = await watch('debian', ADDRESS.server[family], ports, args);
      const ours = await watch('ours', ADDRESS.server[family], ports, args);
      assert.equal(theirs.packets.length, ports.length, 'the comparison itself works');
      assert.deepEqual(texts(ours), texts(theirs));
      assert.deepEqual([ours.exitCode, ours.stdout, ours.stderr], [0, theirs.stdout, '']);
    });
  }
}

test('a UDP knock is one zero byte, a TCP knock a bare SYN', async () => {
  for (const family of FAMILIES) {
    const seen = await watch('ours', ADDRESS.server[family], ['8000:udp', 8000]);
    assert.deepEqual(texts(seen), ['udp 8000 00', 'tcp [S] 8000 length 0']);
  }
});

test('-d 300 with two ports takes 0.60 s', async () => {
  await using control = await Control.start();
  const beganMs = nowMs();
  const seen = await watch('ours', ADDRESS.server[4], [CLOSED, '8001:udp'], ['-d', '300']);
  const [first, second] = seen.packets;
  assert.ok(first !== undefined && second !== undefined && seen.packets.length === 2);
  const gapMs = (second.seconds - first.seconds) * 1000;
  assert.ok(gapMs > 295, `${gapMs} ms between the knocks`);
  const lostMs = control.lostMs(beganMs, nowMs(), 0);
  assert.ok(gapMs < 590 + lostMs, `${gapMs} ms between the knocks, ${lostMs} ms lost`);
  // No upper bound: the start of node is in it, and that depends on what else the machine does.
  assert.ok(seen.elapsedMs >= 595, `${seen.elapsedMs} ms in all`);
});

test('a literal address is printed as the other client prints it', async () => {
  const long = 'fd77:0001:0:0:0::1';
  const theirs = await watch('debian', long, [CLOSED], ['-v']);
  const ours = await watch('ours', long, [CLOSED], ['-v']);
  assert.equal(ours.stdout, theirs.stdout);
  assert.equal(ours.stdout, 'hitting tcp fd77:1::1:8000\n');
  for (const words of [
    ['FE80:0::1%eth0', '8000'],
    ['-u', 'fe80::0001%eth0', 'ssh'],
  ]) {
    const printed = await lab.exec('client', [DEBIANS, '-v', ...words]);
    assert.match(printed.stdout, /^hitting (?:tcp|udp) fe80::1%eth0:(?:8000|ssh)\n$/);
    assert.deepEqual(await lab.exec('client', [process.execPath, OURS, '-v', ...words]), printed);
  }
  assert.equal((await packetsSinceMark()).length, 0, 'nobody has this address');
});

test('-4 and -6 choose among the addresses of a name', async () => {
  const hosts = join(lab.dir, 'hosts');
  await writeFile(hosts, `${ADDRESS.server[4]} gate\n${ADDRESS.server[6]} gate\n`);
  // `ip netns exec` gives each command mounts of its own: nobody else sees this file.
  const shell = ['/bin/sh', '-c', `mount --bind ${hosts} /etc/hosts && exec "$@"`, 'sh'];
  for (const options of [['-v4'], ['-v6'], ['-v']]) {
    const words = [...options, 'gate', String(CLOSED)];
    const theirs = await lab.exec('client', [...shell, DEBIANS, ...words]);
    const ours = await lab.exec('client', [...shell, process.execPath, OURS, ...words]);
    assert.match(theirs.stdout, /^hitting tcp .*:8000\n$/);
    assert.deepEqual(ours, theirs);
  }
  assert.equal((await packetsSinceMark()).length, 6);
});

for (const family of FAMILIES) {
  test(`IPv${family}: what a local firewall forbids is reported, and the rest is sent`, async () => {
    await lab.iptables('client', family, ['-A', 'OUTPUT', '-p', 'udp', '--dport', '1', '-j', 'DROP']);
    const seen = await watch('ours', ADDRESS.server[family], ['1:udp', '2:udp', CLOSED]);
    assert.equal(seen.exitCode, 1);
    assert.match(seen.stderr, /^error: udp \S+:1 was not sent: a firewall on this machine forbids it/);
    assert.equal(seen.stderr.split('\n').length, 2);
    assert.deepEqual(texts(seen), ['udp 2 00', 'tcp [S] 8000 length 0']);
  });
}

test('an address without a route is reported for each knock', async () => {
  for (const address of ['10.78.0.1', 'fd78::1']) {
    const { exitCode, stderr } = await lab.knock('server', address, [CLOSED, '8001:udp'], { client: 'ours' });
    assert.equal(exitCode, 1);
    const lines = stderr.trimEnd().split('\n');
    assert.equal(lines.length, 2);
    for (const line of lines) assert.match(line, /was not sent: this machine has no route to it; check/);
  }
});

test('exit codes and streams are those of the other client', async () => {
  const cases = ['', '-h', '--bogus', '-d', '::1', '-V', '-d -5 ::1 7', '-4 ::1 7', '-6 127.0.0.1 7'];
  for (const line of [...cases, 'nosuch.invalid 7', '::1 nosuch', '::1 7', '-u ::1 7']) {
    const words = line.split(' ').filter(Boolean);
    const theirs = await lab.exec('server', [DEBIANS, ...words]);
    const ours = await lab.exec('server', [process.execPath, OURS, ...words]);
    const shape = ({ exitCode, stdout, stderr }: ExecResult): unknown[] => [
      exitCode,
      stdout !== '',
      stderr !== '',
    ];
    assert.deepEqual(shape(ours), shape(theirs), `${line}: ${ours.stderr} / ${theirs.stderr}`);
  }
});

test('no second SYN ever follows', async () => {
  const first = await watch('ours', ADDRESS.server[4], [DROPPED]);
  assert.equal(first.packets.length, 1);
  // The kernel sends a second SYN after one second: the delay behind this knock outlasts that.
  const second = await watch('ours', ADDRESS.server[6], [DROPPED], ['-d', '1500']);
  assert.deepEqual(texts(second), ['tcp [S] 9000 length 0']);
});

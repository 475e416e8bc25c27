/**
 * The cases of knockd-compat.md that are kept, against Debian's knockd 0.8: the same file and the same packets for both.
 *
 * | rows | file |
 * | --- | --- |
 * | what is read and refused, up to "log file that cannot be written"; exhausted one-time file | configuration.test.ts |
 * | what the lines mean; sequences, flags, sources, shared beginnings, windows; Target, broadcast; IPv6 | this one |
 * | commands: none, empty, only a stop; cmd_timeout 1, 0, unset; twice; status; _6 | success.test.ts |
 * | one-time sequence used; a sequence behind one_time_sequences; HUP; Debian's doors | operation.test.ts |
 * | all of recognition together, at random | random.test.ts |
 * | log lines, "window 2 s" (its line), what is logged at the end | test/e2e/log.test.ts |
 * | `knock` with :UDP, -u, -d and --both, heard by knockd | test/client/knockd.test.ts |
 *
 * Where knockd does as the table says only in one order (its list of attempts, see known-faults.ts), the row is here in
 * that order: interleaved sources, the end of one beside another, doors that share a beginning. What is better on
 * purpose is in test/better. The switches -i and -4 belong to the tests of the front of that name.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Observation } from './observation.js';
import { Pair } from './pair.js';
import type { Item } from './sender.js';
import { packets, SOURCES } from './words.js';

interface Row {
  readonly name: string;
  /** The text of the doors; `d` where it is left out. */
  readonly doors?: string;
  readonly send: string | readonly Item[];
  /** `SOURCE DOOR`, in the order of the sources and then as they open. */
  readonly opens: readonly string[];
  /** What the commands write, without the address; by default `DOOR` for each that opens. */
  readonly runs?: readonly string[];
}

/** A door whose command writes its name. */
function door(name: string, sequence: string, more = 'tcpflags = syn\n'): string {
  return `[${name}]\nsequence = ${sequence}\nseq_timeout = 10\n${more}command = echo ${name.trim()} %IP% >> OUT\n`;
}

const D = door('d', '7000,8000,9000');
const LONG = Array.from({ length: 32 }, (_, index) => 7100 + index);
const TARGET = '10.77.2.2';

function sentTo(destination: string, ports: string): Item[] {
  return packets(ports).map((item) => ({ ...item, destination }));
}

const ROWS: readonly Row[] = [
  { name: 'the whole sequence', send: '7000 8000 9000', opens: ['a d'] },
  { name: 'ports of no door are invisible', send: '7000 1234 8000 4321 9000', opens: ['a d'] },
  { name: 'a wrong port ends', send: '7000 9000 8000 9000', opens: [] },
  { name: 'the first port again ends', send: '7000 7000 8000 9000', opens: [] },
  { name: 'the first port a third time starts anew', send: '7000 7000 7000 8000 9000', opens: ['a d'] },
  { name: 'one port three times', doors: door('five', '5,5,5'), send: '5 5 5 5 5', opens: ['a five'] },
  { name: 'a door of one port', doors: door('one', '6'), send: '6 6 6', opens: ['a one', 'a one', 'a one'] },
  { name: 'ACK and RST are ignored', send: '7000/A 7000 8000/R 8000 9000/A 7000/RA 9000', opens: ['a d'] },
  { name: 'SYN+ACK has syn', send: '7000/SA 8000/SA 9000/SA', opens: ['a d'] },
  {
    name: 'SYN+ACK is ignored with syn,!ack',
    doors: door('d', '7000,8000', 'tcpflags = syn,!ack\n'),
    send: '7000/SA 7000 8000/SA 8000',
    opens: ['a d'],
  },
  {
    name: 'lines of tcpflags add up, the last of a flag wins',
    doors: door('d', '7000,8000', 'tcpflags = ack,!syn\nTCPFLAGS = Syn\ntcpflags = !ACK\n'),
    send: '7000/SA 7000/A 7000/SP 8000/SA 8000/S',
    opens: ['a d'],
  },
  {
    name: 'without tcpflags all count',
    doors: door('d', '1,2,3', ''),
    send: '1/- 2/R 3/FPU',
    opens: ['a d'],
  },
  {
    name: 'a UDP port of another door ends',
    doors: D + door('u', '5000:udp,5001'),
    send: '7000 5000:udp 8000 9000',
    opens: [],
  },
  {
    name: 'a TCP packet is no UDP knock',
    doors: door('u', '5000:udp,5001:udp'),
    send: '5000 5000:udp 5001 5001:udp',
    opens: ['a u'],
  },
  {
    name: 'two sources interleave, the later is done first',
    send: '7000 b.7000 8000 b.8000 b.9000 9000',
    opens: ['a d', 'b d'],
  },
  {
    name: 'the later source strays, the first goes on',
    send: '7000 b.7000 b.9000 8000 9000',
    opens: ['a d'],
  },
  {
    name: 'the beginning of another door opens too, the longer door first',
    doors: door('long', '1,2,3') + door('short', '1,2'),
    send: '1 2 3',
    opens: ['a short', 'a long'],
  },
  {
    name: 'two doors begin alike',
    doors: door('x', '1,2,3') + door('y', '1,2,4'),
    send: '1 2 4 1 2 3',
    opens: ['a y', 'a x'],
  },
  {
    name: 'the same sequence twice',
    doors: door('x', '1,2') + door('y', '1,2'),
    send: '1 2',
    opens: ['a x', 'a y'],
  },
  {
    name: 'doors of the same name',
    doors: door('x', '1,2') + door('x', '3,4'),
    send: '1 2 3 4',
    opens: ['a x', 'a x'],
  },
  {
    name: 'two sequences interleave',
    doors: door('x', '1,2') + door('y', '3,4'),
    send: '1 3 2 4',
    opens: [],
  },
  {
    name: 'the packet that opens starts nothing',
    doors: door('x', '1,2') + door('y', '2,3'),
    send: '1 2 3',
    opens: ['a x'],
  },
  {
    name: 'the packet that ends starts nothing',
    doors: door('x', '1,2') + door('y', '3,4'),
    send: '1 3 4 3 4',
    opens: ['a y'],
  },
  {
    name: 'a window that is over: ends, or starts anew',
    doors: D.replace('seq_timeout = 10', 'Timeout = 2'),
    send: '7000 8000 b.7000 wait2600 9000 b.7000 b.8000 b.9000',
    opens: ['b d'],
  },
  {
    name: 'a window of nothing: only one port opens',
    doors: `${door('d', '1,2')}seq_timeout = 0\n${door('one', '3')}seq_timeout = -1\n`,
    send: '1 2 3 1 2',
    opens: ['a one'],
  },
  { name: '32 ports', doors: door('long', LONG.join(',')), send: LONG.join(' '), opens: ['a long'] },
  {
    name: 'blanks, capitals, a third field, CRLF',
    doors: door(' my door ', '7000 , 8000:UDP:x , 9000 : tcp')
      .replaceAll('\n', '\r\n')
      .replace('seq', '\tSeQ'),
    send: '7000 8000:udp 9000',
    opens: ['a  my door '],
    runs: ['my door a'],
  },
  {
    name: 'a # in a command is the shell’s',
    doors: '[d]\nsequence = 7000\ncommand = echo "d %IP%" >> OUT # %IP% >> /nowhere\n',
    send: '7000',
    opens: ['a d'],
  },
  {
    name: 'the last of a directive wins',
    doors: `${door('d', '1,2')}sequence = 3,4\nstart_command = echo last %IP% >> OUT\n`,
    send: '1 2 3 4',
    opens: ['a d'],
    runs: ['last a'],
  },
  {
    name: 'only a Target that is routed',
    doors: `${door('d', '1,2')}target = ${TARGET}\n${door('own', '1,3')}`,
    send: [...packets('1 3'), ...sentTo(TARGET, '1 2 1 3'), ...packets('2 1 2')],
    opens: ['a own', 'a d'],
  },
  { name: 'a broadcast is ignored', send: sentTo('10.77.1.255', '7000 8000 9000'), opens: [] },
  { name: 'an address of somebody else', send: sentTo('10.77.1.2', '7000 8000 9000'), opens: [] },
  { name: 'IPv6, without a command of its own', send: 'six.7000 six.8000 six.9000', opens: ['six d'] },
  {
    name: 'IPv4 and IPv6 are separate',
    send: '7000 six.7000 8000 six.8000 six.9000 9000 six.7000 8000 six.9000',
    opens: ['a d', 'six d'],
  },
];

let pair: Pair;

before(async () => {
  pair = await Pair.open();
});

after(async () => {
  await pair[Symbol.asyncDispose]();
});

function opened(seen: Observation): string[] {
  return Object.entries(SOURCES).flatMap(([name, source]) =>
    (seen.sources[source]?.opened ?? []).map((at) => `${name} ${at}`),
  );
}

/** `DOOR SOURCE`, with the names of the sources. */
function ran(seen: Observation): string[] {
  const name = (address: string): string =>
    Object.entries(SOURCES).find(([, source]) => source === address)?.[0] ?? address;
  return seen.ran.map((line) => line.replace(/\S+$/, name)).toSorted();
}

describe('the same packets, seen by both', () => {
  for (const row of ROWS) {
    test(row.name, async () => {
      await pair.load(row.doors ?? D);
      const { ours, knockd } = await pair.run(typeof row.send === 'string' ? packets(row.send) : row.send);
      assert.deepEqual(ours, knockd, 'knockctl, and knockd');
      assert.deepEqual(opened(ours), row.opens);
      const runs = row.runs ?? row.opens.map((at) => at.split(' ').toReversed().join(' '));
      assert.deepEqual(ran(ours), runs.toSorted());
    });
  }

  test('no command ran that was not looked at', () => {
    assert.deepEqual(pair.late(), []);
  });
});

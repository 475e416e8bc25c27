import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { parseKnockdConf, type KnockdConf } from '../../../src/config/knockd/knockd-conf.js';
import type { DoorSettings } from '../../../src/config/settings.js';

const BASE = '[d]\nsequence = 7000,8000,9000\n';

function sound(text: string): KnockdConf {
  const conf = parseKnockdConf(text, 'k');
  assert.deepEqual(conf.faults, []);
  return conf;
}

function door(text: string): DoorSettings {
  const [first, ...more] = sound(text).doors;
  assert.ok(first !== undefined && more.length === 0);
  return first;
}

function ports(settings: DoorSettings): string {
  return settings.door.sequence.map((step) => `${step.port}:${step.protocol}`).join();
}

describe('the grammar of knockd.conf', () => {
  it('takes an empty file, or only [options]', () => {
    assert.deepEqual(sound('').doors, []);
    assert.deepEqual(sound('[options]\n').doors, []);
  });

  it('gives a door its defaults', () => {
    assert.deepEqual(door('[d]\nsequence=7000'), {
      door: {
        id: 0,
        name: 'd',
        sequence: [{ port: 7000, protocol: 'tcp' }],
        windowMs: 25_000,
        flags: { mask: 0, value: 0 },
        target: undefined,
      },
      line: 1,
      actions: { 4: { start: undefined, stop: undefined }, 6: { start: undefined, stop: undefined } },
      cmdTimeoutMs: 10_000,
      oneTime: undefined,
    });
  });

  it('trims lines, skips blank ones and comments, CRLF and a byte order mark', () => {
    const settings = door('\uFEFF# c\r\n\r\n\t[d]\t\r\n \t sequence\t=  7000 \r\n  # c = d\r\n');
    assert.equal(ports(settings), '7000:tcp');
    assert.equal(settings.line, 3);
  });

  it('keeps what stands between the brackets', () => {
    assert.equal(door('[ my door ]\nsequence=1').door.name, ' my door ');
    assert.equal(door('[a]b]\nsequence=1').door.name, 'a]b');
    assert.equal(door('[ options ]\nsequence=1').door.name, ' options ');
    assert.equal(door('[Options]\nsequence=1').door.name, 'Options');
  });

  it('keeps doors of one name apart', () => {
    const { doors } = sound('[d]\nsequence=1\n[d]\nsequence=2\n[options]\n[d]\nsequence=3');
    assert.deepEqual(
      doors.map((each) => [each.door.id, each.door.name, ports(each), each.line]),
      [
        [0, 'd', '1:tcp', 1],
        [1, 'd', '2:tcp', 3],
        [2, 'd', '3:tcp', 6],
      ],
    );
  });

  it('reads [options] several times and anywhere, the last of a kind winning', () => {
    const { options } = sound(
      '[options]\nLogFile=/a\n[d]\nsequence=1\n[options]\nLOGFILE = /b\npidfile=/p\nInterface = eth1\n',
    );
    assert.deepEqual(options, { logFile: '/b', pidFile: '/p', interface: 'eth1', syslog: false });
  });

  it('takes an empty option for none', () => {
    assert.deepEqual(sound('[options]\nlogfile=/a\nlogfile=\ninterface=\npidfile=').options, {
      logFile: undefined,
      pidFile: undefined,
      interface: undefined,
      syslog: false,
    });
  });

  it('takes UseSyslog in any section', () => {
    assert.equal(sound('[options]\nuseSysLog').options.syslog, true);
    assert.equal(sound(`${BASE}USESYSLOG`).options.syslog, true);
  });

  it('reads sequences as knockd does', () => {
    assert.equal(ports(door('[d]\nsEqUeNcE = 7000 , 8000:UDP , 9000 : tcp')), '7000:tcp,8000:udp,9000:tcp');
    assert.equal(ports(door('[d]\nsequence = 7000:tcp:x,1')), '7000:tcp,1:tcp');
    assert.equal(ports(door('[d]\nsequence=1\nsequence=2')), '2:tcp');
    assert.equal(door(`[d]\nsequence=${'5,'.repeat(31)}5`).door.sequence.length, 32);
  });

  it('adds flags up', () => {
    const flags = (lines: string): unknown => door(`${BASE}${lines}`).door.flags;
    assert.deepEqual(flags('tcpflags=syn'), { mask: 0x02, value: 0x02 });
    assert.deepEqual(flags('TCPFlags=SYN,!Ack'), { mask: 0x12, value: 0x02 });
    assert.deepEqual(flags('tcpflags=fin,syn,rst,psh,ack,urg'), { mask: 0x3f, value: 0x3f });
    assert.deepEqual(flags('tcpflags=syn\ntcpflags=!fin'), { mask: 0x03, value: 0x02 });
    assert.deepEqual(flags('tcpflags=syn\ntcpflags=!syn'), { mask: 0x02, value: 0 });
    assert.deepEqual(flags('tcpflags=!syn,syn'), { mask: 0x02, value: 0x02 });
  });

  it('reads times, in seconds', () => {
    assert.equal(door(`${BASE}seq_timeout=5`).door.windowMs, 5_000);
    assert.equal(door(`${BASE}Timeout=6\nseq_timeout=7`).door.windowMs, 7_000);
    assert.equal(door(`${BASE}seq_timeout=0`).door.windowMs, 0);
    assert.equal(door(`${BASE}seq_timeout=-1`).door.windowMs, -1_000);
    assert.equal(door(`${BASE}cmd_timeout=0`).cmdTimeoutMs, 0);
    assert.equal(door(`${BASE}cmd_timeout=-0`).cmdTimeoutMs, 0);
    assert.equal(door(`${BASE}cmd_timeout=3600`).cmdTimeoutMs, 3_600_000);
  });

  it('takes a literal address of either family for a target', () => {
    assert.equal(door(`${BASE}target=192.0.2.1`).door.target?.text, '192.0.2.1');
    assert.equal(door(`${BASE}Target = 2001:DB8:0:0::1`).door.target?.text, '2001:db8::1');
  });

  it('lets a sequence behind one_time_sequences win', () => {
    const settings = door('[d]\none_time_sequences=/f\nsequence=1');
    assert.equal(ports(settings), '1:tcp');
    assert.equal(settings.oneTime, undefined);
  });

  it('lets one_time_sequences behind a sequence win, to be read later', () => {
    const settings = door('[d]\nsequence=1\nOne_Time_Sequences = /a//f/\n');
    assert.deepEqual(settings.oneTime, { path: '/a/f', line: 3 });
    assert.deepEqual(settings.door.sequence, []);
  });
});

describe('the commands of a door', () => {
  const shell = (line: string): object => ({ kind: 'shell', line });

  it('split at the first =, with no comments', () => {
    assert.deepEqual(door(`${BASE}command=echo hi # x`).actions[4].start, shell('echo hi # x'));
    assert.deepEqual(door(`${BASE}command = A=1 x ; y`).actions[4].start, shell('A=1 x ; y'));
    assert.deepEqual(door(`${BASE}command="a"\nstart_command= b`).actions[4].start, shell('b'));
  });

  const cases: readonly (readonly [string, object])[] = [
    ['command=a', { 4: ['a', undefined], 6: ['a', undefined] }],
    ['start_command=a\nstop_command=b', { 4: ['a', 'b'], 6: ['a', 'b'] }],
    ['command=a\nstop_command=b\ncommand_6=c', { 4: ['a', 'b'], 6: ['c', 'b'] }],
    ['command=a\nstop_command=b\nstart_command_6=c\nstop_command_6=d', { 4: ['a', 'b'], 6: ['c', 'd'] }],
    ['command=a\nstop_command=b\ncommand_6=', { 4: ['a', 'b'], 6: [undefined, undefined] }],
    ['command=a\nstop_command=b\nstop_command_6=', { 4: ['a', 'b'], 6: ['a', undefined] }],
    ['command_6=c', { 4: [undefined, undefined], 6: ['c', undefined] }],
    ['stop_command=b', { 4: [undefined, undefined], 6: [undefined, undefined] }],
    ['command=\nstop_command=b', { 4: [undefined, undefined], 6: [undefined, undefined] }],
  ];
  for (const [lines, expected] of cases) {
    it(lines.replaceAll('\n', ' · '), () => {
      const { actions } = door(BASE + lines);
      const found = Object.fromEntries(
        Object.entries(actions).map(([family, each]) => [family, [each.start?.line, each.stop?.line]]),
      );
      assert.deepEqual(found, expected);
    });
  }
});

describe('a random valid knockd.conf', () => {
  it('gives back what it was written from', () => {
    const step = fc
      .tuple(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom('tcp', 'udp'))
      .map(([port, protocol]) => ({ port, protocol }));
    const name = fc.stringMatching(/^[!-~]{1,20}$/).filter((text) => text !== 'options');
    const written = fc.record({
      name,
      sequence: fc.array(step, { minLength: 1, maxLength: 32 }),
      window: fc.integer({ min: 1, max: 100_000 }),
      wait: fc.nat(100_000),
      command: fc.stringMatching(/^[!-~]([ -~]{0,60}[!-~])?$/),
    });
    fc.assert(
      fc.property(fc.array(written, { maxLength: 5 }), fc.constantFrom('\n', '\r\n'), (doors, newline) => {
        const text = doors.flatMap((each) => [
          `[${each.name}]`,
          `  Sequence = ${each.sequence.map(({ port, protocol }) => `${port}:${protocol}`).join(' , ')}`,
          `seq_timeout=${each.window}`,
          `cmd_timeout=${each.wait}`,
          `start_command = ${each.command}`,
        ]);
        const found = sound(text.join(newline)).doors.map((each) => ({
          name: each.door.name,
          sequence: each.door.sequence,
          window: each.door.windowMs / 1_000,
          wait: each.cmdTimeoutMs / 1_000,
          command: each.actions[4].start?.line,
        }));
        assert.deepEqual(
          found,
          doors.map((each) => ({ ...each })),
        );
      }),
    );
  });
});

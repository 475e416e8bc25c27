import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formatFault } from '../../../src/base/errors.js';
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

function faults(text: string): readonly string[] {
  return parseKnockdConf(text, 'k').faults.map(formatFault);
}

describe('the faults of knockd.conf', () => {
  const bad: readonly (readonly [string, readonly string[]])[] = [
    ['logfile=/x', ['k:1: config: line 1: all directives must belong to a section']],
    ['[options\nlogfile=/x', ['k:1: config: line 1: all directives must belong to a section']],
    ['\n; comment', ['k:2: config: line 2: all directives must belong to a section']],
    ['[]', ['k:1: config: line 1: bad section name']],
    ['[]\nfoo=1\nbar', ['k:1: config: line 1: bad section name']],
    [
      '[Options]\nlogfile=/x\nsequence=1',
      ['k:2: config: line 2: syntax error (logfile belongs in [options]'],
    ],
    ['[options]\nsequence=1', ['k:2: config: line 2: syntax error (sequence belongs in a door']],
    ['[options]\n[d] # c', ['k:2: config: line 2: syntax error (a section line ends with its ]']],
    ['[options]\n; comment', ['k:2: config: line 2: syntax error (a comment begins with #']],
    ['[options]\nUseSyslog = 1', ['k:2: config: line 2: syntax error (UseSyslog is a bare word']],
    ['[options]\nlogfile', ['k:2: config: line 2: syntax error ("logfile" has no =']],
    [`${BASE}= 1`, ['k:3: config: line 3: syntax error (unknown directive ""']],
    [
      `${BASE}seqence=1`,
      ['k:3: config: line 3: syntax error (unknown directive "seqence" (did you mean sequence?)'],
    ],
    [`${BASE}ſequence=1`, ['k:3: config: line 3: syntax error (unknown directive']],
    [`${BASE}x=1`, ['k:3: config: line 3: syntax error (unknown directive "x"; there are sequence,']],
    [`${BASE}__proto__=1`, ['k:3: config: line 3: syntax error (unknown directive "__proto__"']],
    ['[options]\nconstructor=1', ['k:2: config: line 2: syntax error (unknown directive "constructor"']],
    [`${BASE}tcpflags=syn, ack`, ['k:3: config: line 3: unrecognized flag " ACK" (']],
    [`${BASE}tcpflags=`, ['k:3: config: line 3: unrecognized flag "" (']],
    [`${BASE}tcpflags=syn,`, ['k:3: config: line 3: unrecognized flag "" (']],
    [`${BASE}tcpflags=!!syn`, ['k:3: config: line 3: unrecognized flag "!!SYN" (']],
    [
      '[d]\nsequence=8000:tcp # x',
      ['k:2: config: section d: unknown protocol in knock sequence ("8000:tcp # x"'],
    ],
    ['[d]\nsequence=7000:icmp', ['k:2: config: section d: unknown protocol in knock sequence ("7000:icmp"']],
    ['[d]\nsequence=7000:', ['k:2: config: section d: unknown protocol in knock sequence ("7000:"']],
    ['[d]\nsequence=abc', ['k:2: config: section d: port abc is invalid (']],
    ['[d]\nsequence=', ['k:2: config: section d: port "" is invalid (']],
    ['[d]\nsequence=7000,,8000', ['k:2: config: section d: port "" is invalid (']],
    ['[d]\nsequence="7000"', ['k:2: config: section d: port "7000" is invalid (']],
    ['[d]\nsequence=80 81', ['k:2: config: section d: port "80 81" is invalid (']],
    ['[d]\nsequence=-1', ['k:2: config: section d: port -1 is invalid (']],
    ['[d]\nsequence=0', ['k:2: config: section d: port 0 is invalid (']],
    ['[d]\nsequence=65536', ['k:2: config: section d: port 65536 is invalid (']],
    ['[d]\nsequence=0x50', ['k:2: config: section d: port 0x50 is invalid (']],
    [
      '[d]\nsequence=+7,1e3',
      ['k:2: config: section d: port +7 is invalid (', 'k:2: config: section d: port 1e3 is'],
    ],
    [`[d]\nsequence=${'5,'.repeat(32)}5`, ['k:2: config: section d: too many ports in knock sequence (33;']],
    ['[d]\ncommand=x', ["k:1: error: section 'd' has an empty knock sequence ("]],
    ['[d]\n[d]\nsequence=1', ["k:1: error: section 'd' has an empty knock sequence ("]],
    [
      '[d]\none_time_sequences=f',
      ['k:2: config: section d: one_time_sequences: "f" is not an absolute path'],
    ],
    [`${BASE}one_time_sequences=`, ['k:3: config: section d: one_time_sequences: "" is not']],
    [`${BASE}seq_timeout=abc`, ['k:3: config: line 3: seq_timeout "abc" is invalid (a whole number']],
    [`${BASE}timeout=`, ['k:3: config: line 3: seq_timeout "" is invalid']],
    [`${BASE}cmd_timeout=5s`, ['k:3: config: line 3: cmd_timeout "5s" is invalid']],
    [`${BASE}cmd_timeout=-1`, ['k:3: config: line 3: cmd_timeout "-1" is invalid']],
    [`${BASE}cmd_timeout=2147484`, ['k:3: config: line 3: cmd_timeout "2147484" is invalid']],
    [`${BASE}target=ssh.example`, ['k:3: config: section d: target: "ssh.example" is not an IPv4 or IPv6']],
    [`${BASE}target=10.0.0.0/8`, ['k:3: config: section d: target: "10.0.0.0/8" is a network']],
    ['[options]\nlogfile=knockd.log', ['k:2: config: line 2: logfile: "knockd.log" is not an absolute path']],
    ['[options]\ninterface=a/b', ['k:2: config: line 2: interface: "a/b" is not any, or an interface name']],
    [
      `${BASE}command=${'x'.repeat(4_100)}`,
      ['k:3: config: line 3: syntax error (the line has 4108 bytes; 4095'],
    ],
    [`# ${'é'.repeat(2_100)}`, ['k:1: config: line 1: syntax error (the line has 4202 bytes']],
    [`${BASE}command=caf\uFFFD`, ['k:3: there are bytes that are not UTF-8']],
    [`${BASE}\0`, ['k:3: there is a NUL byte']],
  ];
  for (const [text, expected] of bad) {
    it(JSON.stringify(text).slice(0, 60), () => {
      const found = faults(text);
      assert.deepEqual(
        found.map((fault, index) => fault.slice(0, expected[index]?.length ?? 0)),
        expected,
      );
    });
  }

  it('all come at once, in the order of the file', () => {
    const text = '[a]\nx=1\nsequence=0\n[b]\ntcpflags=x\n[]\ny\n[options]\nz';
    assert.deepEqual(
      parseKnockdConf(text, 'k').faults.map(({ line }) => line),
      [2, 3, 4, 5, 6, 9],
    );
  });

  it('leave a line of 4,095 bytes alone', () => {
    const line = `command=${'x'.repeat(4_087)}`;
    assert.equal(door(BASE + line).actions[4].start?.line.length, 4_087);
  });

  it('do not come of a comment that is not UTF-8', () => {
    assert.deepEqual(faults('# caf\uFFFD'), []);
  });
});

describe('the warnings of knockd.conf', () => {
  it('name a comment behind a time, which counts as knockd counts it', () => {
    const conf = sound(`${BASE}seq_timeout = 15 # s`);
    assert.equal(conf.doors[0]?.door.windowMs, 15_000);
    assert.match(conf.warnings.map(formatFault).join(), /^k:3: seq_timeout "15 # s" is read as 15: /);
  });

  it('name a door that never opens', () => {
    assert.match(sound(`${BASE}seq_timeout=0`).warnings.map(formatFault).join(), /^k:1: door d never opens/);
    assert.deepEqual(sound('[d]\nsequence=1\nseq_timeout=0').warnings, []);
  });
});

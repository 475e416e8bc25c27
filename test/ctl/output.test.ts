import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { paint, printReply, span, table, type Output } from '../../src/ctl/output.js';
import { printStatus, serviceLines } from '../../src/ctl/print/show.js';
import type { Reply } from '../../src/wire/control.js';
import type { ServiceReport, StatusReport } from '../../src/wire/reports.js';
import { run } from './fixture.js';

function capture(json: boolean, colour = false): Output & { stdout: string; stderr: string } {
  const output = {
    json,
    colour,
    stdout: '',
    stderr: '',
    out: (text: string) => void (output.stdout += text),
    err: (text: string) => void (output.stderr += text),
  };
  return output;
}

const REPLY: Reply = {
  exitCode: 1,
  remarks: [
    { level: 'result', text: 'one' },
    { level: 'note', text: 'two' },
    { level: 'error', text: 'three', hint: 'do this' },
  ],
  data: { verb: 'x', refused: ['y'] },
};

describe('replies', () => {
  it('for people: results on standard output, all else on standard error', () => {
    const output = capture(false);
    assert.equal(printReply(output, REPLY), 1);
    assert.equal(output.stdout, 'one\n');
    assert.equal(output.stderr, 'note: two\nknockctl: three\n  do this\n');
  });

  it('for programs: one JSON document, nothing else', () => {
    const output = capture(true);
    assert.equal(printReply(output, REPLY), 1);
    assert.equal(output.stderr, '');
    assert.deepEqual(JSON.parse(output.stdout), {
      verb: 'x',
      refused: ['y'],
      exitCode: 1,
      errors: ['three'],
      notes: ['two'],
    });
    assert.equal(output.stdout.indexOf('\n'), output.stdout.length - 1);
    const list = capture(true);
    printReply(list, { exitCode: 0, remarks: [], data: [1] });
    assert.deepEqual(JSON.parse(list.stdout), { result: [1], exitCode: 0 });
    const empty = capture(true);
    printReply(empty, { exitCode: 0, remarks: [] });
    assert.deepEqual(JSON.parse(empty.stdout), { exitCode: 0 });
  });

  it('have colours only where they are wanted', () => {
    assert.equal(paint(capture(false), 'red', 'x'), 'x');
    assert.equal(paint(capture(false, true), 'red', 'x'), '\u001b[31mx\u001b[0m');
  });
});

describe('tables and spans', () => {
  it('columns stand below each other', () => {
    const rows = [
      ['a', 'bbb', 'c'],
      ['aaaa', '', ''],
    ];
    assert.equal(table(capture(false), ['X', 'YY', 'Z'], rows), 'X     YY   Z\na     bbb  c\naaaa\n');
  });

  it('every cell begins at its column', () => {
    const cell = fc.stringMatching(/^[a-z]{1,8}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 8 }), (rows) => {
        const lines = table(capture(false), ['A', 'B', 'C'], rows).split('\n').slice(0, -1);
        const columns = [0, lines[0]?.indexOf('B') ?? -1, lines[0]?.indexOf('C') ?? -1];
        rows.forEach((row, index) => {
          row.forEach((text, column) => {
            assert.ok(lines[index + 1]?.startsWith(text, columns[column]));
          });
        });
      }),
    );
  });

  it('spans have their two largest units', () => {
    const spans = [0, 0.4, 1, 59, 60, 61, 3599, 3600, 3660, 86_399, 86_400, 90_000, 2_147_483].map(span);
    assert.deepEqual(spans, [
      ...['0 s', '0 s', '1 s', '59 s', '1 min', '1 min 1 s', '59 min 59 s', '1 h', '1 h 1 min'],
      ...['23 h 59 min', '1 d', '1 d 1 h', '24 d 20 h'],
    ]);
  });
});

const SERVICE: ServiceReport = {
  name: 'ssh',
  protocol: 'tcp',
  ports: [22, 2222],
  onFailure: 'restore',
  switchLeft: 29,
  rules: [
    { family: 4, chains: true, jump: true },
    { family: 6, chains: true, jump: false },
  ],
  entries: { banned: 1, trusted: 2, filter: 3, decoyed: 0, granted: 0 },
};

describe('what is shown', () => {
  it('a service', () => {
    assert.deepEqual(serviceLines(SERVICE), [
      '  service    ssh (tcp 22, 2222): IPv4 in force, IPv6 no jump; switch fed, 29 s left',
      '             3 accepted, 2 trusted, 1 banned',
    ]);
    const broken = {
      ...SERVICE,
      switchLeft: null,
      rules: [{ family: 4, chains: false, jump: true } as const],
    };
    assert.match(
      serviceLines(broken)[0] ?? '',
      /IPv4 chains missing or changed; switch tripped, on_failure = restore$/,
    );
  });

  it('the status, with and without a listener', () => {
    const report: StatusReport = {
      state: 'armed',
      meaning: 'all is well',
      since: new Date(Date.now() - 61_000).toISOString(),
      reason: 'because',
      pid: 7,
      backend: 'nft (why)',
      listener: {
        pid: 8,
        interfaces: ['any'],
        packets: 5,
        selfKnock: { roundTrip: 1.25, age: 3.1, asked: 40, lost: 2 },
        silent: 0.1,
      },
      protected: null,
      exposures: [],
      services: [SERVICE],
      repairs: {
        count: 2,
        last: 'the jump was missing; changed by nft (pid 9)',
        time: '2026-01-01T00:00:00Z',
      },
      doors: [{ name: 'open', sequence: '1:tcp,2:udp', kernel: [4], reasons: ['it is none'], knocks: 1 }],
      pendingStops: 2,
      entriesKept: { saved: '2030-01-01T00:00:00.000Z', problem: null },
      nextHealthCheck: null,
      trial: null,
      unconfirmed: null,
      configuration: '/c',
    };
    const output = capture(false);
    printStatus(output, report);
    assert.match(output.stdout, /^knockctl is armed: all is well\n {2}for {8}1 min [12] s \(because\)\n/);
    assert.match(output.stdout, /listener {3}pid 8 on any, heard 0\.1 s ago, 5 packets\n/);
    assert.match(output.stdout, /self-knock came back in 1\.25 ms, 3\.1 s ago; 2 of 40 lost\n/);
    assert.match(
      output.stdout,
      /repairs {4}2; the last .*: the jump was missing; changed by nft \(pid 9\)\n/,
    );
    assert.match(output.stdout, /door {7}open: 1:tcp,2:udp\n {13}in the kernel \(IPv4\): 1 knock so far\n/);
    assert.match(output.stdout, /\n {13}by the listener: it is none\n/);
    assert.match(output.stdout, /stops {6}2 stop commands/);
    assert.match(output.stdout, /\n {2}saved {6}2030-01-01 [0-9:]{8}\n/);
    const full = capture(false);
    printStatus(full, { ...report, entriesKept: { saved: null, problem: 'ssh_filter4: no space' } });
    assert.match(full.stdout, /\n {2}not saved {2}ssh_filter4: no space\n/);
    assert.doesNotMatch(full.stdout, /\n {2}saved /);
    const without = capture(false);
    printStatus(without, { ...report, listener: null, backend: null, pendingStops: 0 });
    assert.match(without.stdout, /listener {3}not running\n/);
    assert.doesNotMatch(without.stdout, /back end|stops|trial|note/);
    const trial = capture(false);
    printStatus(trial, { ...report, trial: { left: 42, until: '2030-01-01T00:00:00.000Z' } });
    assert.match(trial.stdout, /\n {2}on trial {3}42 s left, until \S+ \S+: knockctl confirm keeps it/);
    const over = capture(false);
    printStatus(over, { ...report, unconfirmed: 'not in force' });
    assert.match(over.stdout, /\n {2}note {7}not in force\n/);
  });

  it('the list: for people and as JSON', async () => {
    const data = [
      { service: 'ssh', list: 'filter', address: '192.0.2.1', timeout: 61, by: 'door x' },
      { service: 'ssh', list: 'trusted', address: '2001:db8::/32', timeout: null, by: '' },
    ];
    const frames = [{ type: 'reply', reply: { exitCode: 0, remarks: [], data } } as const];
    assert.equal(
      (await run(['list'], { frames })).out,
      'SERVICE  LIST     ADDRESS        LEFT       BY\n' +
        'ssh      filter   192.0.2.1      1 min 1 s  door x\n' +
        'ssh      trusted  2001:db8::/32  for ever\n',
    );
    assert.deepEqual(JSON.parse((await run(['list', '--json'], { frames })).out), data);
    const nobody = [{ type: 'reply', reply: { exitCode: 0, remarks: [], data: [] } } as const];
    assert.equal((await run(['list'], { frames: nobody })).out, 'nobody is in\n');
    assert.equal((await run(['list', '--json'], { frames: nobody })).out, '[]\n');
  });
});

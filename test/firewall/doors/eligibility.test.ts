import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import type { Family } from '../../../src/base/address.js';
import { decideEligibility, type Placement } from '../../../src/firewall/doors/eligibility.js';
import { placements, readExample } from './configurations.js';

const HEAD = '[d]\nsequence = 7000,8000\n';
const TWO = '[service.ssh]\n[service.web]\nports = 80\naccept_timeout = 0\ndecoy_timeout = 600\n';

function place(lines: string, conf = TWO, family: Family = 4): Placement {
  const [found] = placements({ name: 'd', doors: HEAD + lines, conf }, family);
  assert.ok(found !== undefined);
  return found;
}

/** What the kernel does, or why it does nothing. */
function told(lines: string, conf?: string, family?: Family): unknown {
  const found = place(lines, conf, family);
  return found.action ?? found.reason;
}

describe('which doors qualify', () => {
  it('accept: the service that is named, else ssh, else the first', () => {
    const accept = (service: string, timeoutS: number): unknown => ({
      verb: 'accept',
      service,
      timeoutS,
      lifts: false,
    });
    assert.deepEqual(told('command = knockctl accept %IP%'), accept('ssh', 300));
    assert.deepEqual(told('command = knockctl accept %IP% --timeout 60'), accept('ssh', 60));
    assert.deepEqual(told('command = knockctl accept %IP% --service web'), accept('web', 0));
    const other = '[service.b]\nports = 80\n[service.a]\nports = 81\n';
    assert.deepEqual(told('command = knockctl accept %IP%', other), accept('b', 300));
  });

  it('accept with a stop command: until then at the most, and never for ever', () => {
    const seconds = (command: string, stop: string): unknown => {
      const found = place(`command = knockctl accept %IP% ${command}\n${stop}`);
      return found.action?.verb === 'accept' ? found.action.timeoutS : found;
    };
    const flush = 'stop_command = knockctl flush %IP%';
    assert.equal(seconds('', `${flush}\ncmd_timeout = 20`), 20);
    assert.equal(seconds('', flush), 10);
    assert.equal(seconds('--timeout 5', `${flush}\ncmd_timeout = 20`), 5);
    assert.equal(seconds('--timeout 0', `${flush}\ncmd_timeout = 20`), 20);
    assert.equal(seconds('--service web', 'stop_command = knockctl drop %IP%\ncmd_timeout = 20'), 20);
    assert.equal(seconds('', `${flush}\ncmd_timeout = 0`), 1);
  });

  it('drop: every service, each for its time; a flush ends it, another drop does not', () => {
    const bans = (ssh: number, web: number): unknown => ({
      verb: 'drop',
      bans: [
        { service: 'ssh', timeoutS: ssh, renews: true },
        { service: 'web', timeoutS: web, renews: true },
      ],
    });
    assert.deepEqual(told('command = knockctl drop %IP%'), bans(3600, 600));
    assert.deepEqual(told('command = knockctl drop %IP% --timeout 30'), bans(30, 30));
    const stop = (verb: string): string =>
      `command = knockctl drop %IP%\ncmd_timeout = 60\nstop_command = knockctl ${verb} %IP%`;
    assert.deepEqual(told(stop('flush')), bans(60, 60));
    assert.deepEqual(told(stop('drop')), bans(3600, 600));
  });

  it('drop by several doors: only the longest ban begins anew, and none is shortened', () => {
    const doors = [3, 0, 86_400]
      .map(
        (timeout, at) =>
          `[d${at}]\nsequence = ${at + 1}\ncommand = knockctl drop %IP% --timeout ${timeout}\n`,
      )
      .join('');
    const renews = placements({ name: 'd', doors, conf: '[service.ssh]\n' }, 4).map(({ action }) =>
      action?.verb === 'drop' ? action.bans.map((ban) => ban.renews) : action,
    );
    assert.deepEqual(renews, [[false], [true], [false]]);
  });

  it('accept by several doors: who is in keeps what is longer, whatever shorter one is knocked at', () => {
    const doors = [3, 0, 86_400]
      .map(
        (timeout, at) =>
          `[d${at}]\nsequence = ${at + 1}\ncommand = knockctl accept %IP% --timeout ${timeout}\n`,
      )
      .join('');
    const keeps = placements({ name: 'd', doors, conf: '[service.ssh]\n' }, 4).map(({ action }) =>
      action?.verb === 'accept' ? action.keeps : action,
    );
    assert.deepEqual(keeps, [true, undefined, true]);
  });

  it('accept lifts a ban by a door where the service has it so', () => {
    const conf = '[service.ssh]\ndecoys = until_knock\n';
    assert.deepEqual(told('command = knockctl accept %IP%', conf), {
      ...{ verb: 'accept', service: 'ssh', timeoutS: 300 },
      lifts: true,
    });
  });

  it('flush: every service', () => {
    assert.deepEqual(told('command = /etc/init.d/knockd flush %IP%'), {
      verb: 'flush',
      services: ['ssh', 'web'],
    });
  });

  it('each family by its own command', () => {
    const lines = 'command = echo %IP%\ncommand_6 = knockctl accept %IP%';
    assert.equal(told(lines, TWO, 4), 'its command is a line for the shell');
    assert.deepEqual(told(lines, TWO, 6), { verb: 'accept', service: 'ssh', timeoutS: 300, lifts: false });
    assert.equal(told('command = knockctl accept %IP%\ncommand_6 =', TWO, 6), 'it has no command');
  });

  const accept = 'command = knockctl accept %IP%';
  const off = TWO.replace('ports = 80', 'ports = 80\nkernel_doors = no');
  const cases: [lines: string, reason: string | RegExp, conf?: string][] = [
    ['', 'it has no command'],
    ['command = knockctl accept %IP%; logger hi', 'its command is a line for the shell'],
    ['command = knockctl trust %IP%', /^trust is for ever/],
    ['command = knockctl untrust %IP%', /^untrust is for ever/],
    [`${accept}\nstop_command = echo bye`, 'its stop command is a line for the shell'],
    [`${accept}\nstop_command = knockctl accept %IP%`, /^its stop command is accept, /],
    [`${accept}\nseq_timeout = 0`, 'it never opens: its seq_timeout is 0'],
    [`${accept} --service web`, '[service.web] has kernel_doors = no', off],
    ['command = knockctl drop %IP%', '[service.web] has kernel_doors = no', off],
    ['command = knockctl flush %IP%', '[service.web] has kernel_doors = no', off],
    [`${accept}\nsequence = 7,7,8`, /^duplicates = tolerate/, `${TWO}[listener]\nduplicates = tolerate\n`],
    [accept, 'IPv4 is not among [firewall] families', `${TWO}[firewall]\nfamilies = ipv6\n`],
    [`${accept}\ntarget = 2001:db8::1`, 'its target is an IPv6 address'],
  ];
  for (const [lines, reason, conf] of cases) {
    it(`not: ${lines.replaceAll('\n', ' / ')}`, () => {
      const found = told(lines, conf);
      if (typeof reason === 'string') assert.equal(found, reason);
      else assert.match(String(found), reason);
    });
  }

  it('but so do, all the same', () => {
    for (const [lines, conf] of [
      [accept, off],
      [`${accept}\nsequence = 7\nseq_timeout = 0`],
      [`${accept}\nsequence = 7:udp,7:udp,7`, `${TWO}[listener]\nduplicates = tolerate\n`],
      [`${accept}\nsequence = 7,7,7`],
    ] as const) {
      assert.ok(place(lines, conf).action !== undefined, lines);
    }
  });

  it('not with sequences from a file', () => {
    const { doors, settings } = readExample({
      name: 'd',
      doors: `${HEAD}command = knockctl accept %IP%`,
      conf: TWO,
    });
    const once = doors.map((each) => ({ ...each, oneTime: { path: '/x', line: 1 } }));
    const [found] = decideEligibility(once, settings.services, { families: [4, 6], duplicates: 'strict' }, 4);
    assert.match(found?.action === undefined ? (found?.reason ?? '') : 'kernel', /^each of its sequences/);
  });

  it('no time in the kernel is for ever where a stop command flushes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('accept', 'drop'),
        fc.option(fc.nat(3000), { nil: undefined }),
        fc.nat(3000),
        (verb, timeout, cmd) => {
          const option = timeout === undefined ? '' : ` --timeout ${timeout}`;
          const found = place(
            `command = knockctl ${verb} %IP%${option}\ncmd_timeout = ${cmd}\nstop_command = knockctl flush %IP%`,
          ).action;
          assert.ok(found !== undefined && found.verb !== 'flush');
          const times =
            found.verb === 'accept' ? [found.timeoutS] : found.bans.map(({ timeoutS }) => timeoutS);
          for (const seconds of times) assert.ok(seconds >= 1 && seconds <= Math.max(1, cmd));
        },
      ),
    );
  });
});

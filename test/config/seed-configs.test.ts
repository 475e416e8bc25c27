import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseKnockdConf, type KnockdOptions } from '../../src/config/knockd/knockd-conf.js';
import { parseTrusted } from '../../src/config/trusted.js';
import { readSeed, type Seed } from './seeds.js';

/** What the author of a door meant, in short. */
interface Meant {
  readonly name: string;
  readonly sequence: string;
  readonly window: number;
  readonly flags: readonly [mask: number, value: number];
  readonly kind: string | undefined;
  readonly start: string | undefined;
  readonly stop: string | undefined;
  readonly wait: number;
}

const SYN: Meant['flags'] = [0x02, 0x02];
const DEFAULT_WAIT = 10_000;

function rule(action: string, program: string, target: string): string {
  return `${program} -${action} INPUT -s %IP% -p tcp ${target} -j ACCEPT`;
}

function shellDoor(
  name: string,
  sequence: string,
  window: number,
  start: string,
  rest: Partial<Meant> = {},
): Meant {
  const door = { name, sequence, window: window * 1_000, flags: SYN, kind: 'shell', start };
  return { ...door, stop: undefined, wait: DEFAULT_WAIT, ...rest };
}

function nantesDoor(name: string, sequence: string, verb: string): Meant {
  return shellDoor(name, sequence, 15, `/etc/rc.d/init.d/knockd ${verb} %IP%`, { kind: verb });
}

const MEANT: Readonly<Partial<Record<Seed, readonly Meant[]>>> = {
  'debian-default.knockd.conf': [
    shellDoor('openSSH', '7000:tcp 8000:tcp 9000:tcp', 5, rule('A', '/sbin/iptables', '--dport 22')),
    shellDoor('closeSSH', '9000:tcp 8000:tcp 7000:tcp', 5, rule('D', '/sbin/iptables', '--dport 22')),
  ],
  'home-ftp.knockd.conf': [
    shellDoor(
      'openFTPControl',
      '55540:tcp 55542:tcp 55541:tcp',
      30,
      rule('I', '/sbin/iptables', '--dport ftp'),
    ),
    shellDoor(
      'closeFTPControl',
      '55541:tcp 55542:tcp 55540:tcp',
      30,
      rule('D', '/sbin/iptables', '--dport ftp'),
    ),
  ],
  'home-ssh-udp.knockd.conf': [
    shellDoor(
      'opencloseSSH',
      '44440:udp 44442:udp 44441:udp',
      30,
      rule('I', '/sbin/iptables', '--dport ssh'),
      {
        flags: [0x12, 0x12],
        stop: rule('D', '/sbin/iptables', '--dport ssh'),
        wait: 300_000,
      },
    ),
  ],
  'mixed-proto.knockd.conf': [
    shellDoor(
      'opencloseSSH',
      '2222:udp 3333:tcp 4444:udp',
      15,
      rule('A', '/usr/sbin/iptables', '--syn --dport 22'),
      { stop: rule('D', '/usr/sbin/iptables', '--syn --dport 22') },
    ),
  ],
  'nantes.knockd.conf': [
    nantesDoor('opencloseSSH', '1228:tcp 1227:tcp', 'accept'),
    nantesDoor('banned1', '1220:tcp 1221:tcp', 'drop'),
    nantesDoor('banned2', '1224:tcp 1225:tcp', 'drop'),
    nantesDoor('banned3', '1226:tcp 1226:tcp', 'drop'),
    nantesDoor('banned4', '1223:tcp 1224:tcp', 'drop'),
    nantesDoor('banned5', '1222:tcp 1222:tcp', 'drop'),
  ],
  'open-close.knockd.conf': [
    shellDoor('openSSH', '2222:tcp 3333:tcp 4444:tcp', 5, rule('A', '/sbin/iptables', '--dport 22')),
    shellDoor('closeSSH', '4444:tcp 3333:tcp 2222:tcp', 5, rule('D', '/sbin/iptables', '--dport 22')),
  ],
};

const NOTHING: KnockdOptions = {
  logFile: undefined,
  pidFile: undefined,
  interface: undefined,
  syslog: false,
};
const OPTIONS: Readonly<Partial<Record<Seed, KnockdOptions>>> = {
  'debian-default.knockd.conf': { ...NOTHING, syslog: true },
  'home-ftp.knockd.conf': { ...NOTHING, syslog: true },
  'home-ssh-udp.knockd.conf': { ...NOTHING, syslog: true },
  'mixed-proto.knockd.conf': { ...NOTHING, logFile: '/var/log/knockd.log' },
  'nantes.knockd.conf': { ...NOTHING, syslog: true, pidFile: '/var/run/knockd.pid' },
  'open-close.knockd.conf': { ...NOTHING, logFile: '/var/log/knockd.log' },
};

const SEED_DOORS = [
  'debian-default.knockd.conf',
  'home-ftp.knockd.conf',
  'home-ssh-udp.knockd.conf',
  'mixed-proto.knockd.conf',
  'nantes.knockd.conf',
  'open-close.knockd.conf',
] as const;

describe('published configurations', () => {
  for (const seed of SEED_DOORS) {
    it(`${seed} means what its author meant`, () => {
      const { doors, options, faults, warnings } = parseKnockdConf(readSeed(seed), seed);
      assert.deepEqual(faults, []);
      assert.deepEqual(warnings, []);
      const found = doors.map(({ door, actions, cmdTimeoutMs }): Meant => {
        const { start, stop } = actions[4];
        assert.deepEqual(actions[6], actions[4]);
        return {
          name: door.name,
          sequence: door.sequence.map(({ port, protocol }) => `${port}:${protocol}`).join(' '),
          window: door.windowMs,
          flags: [door.flags.mask, door.flags.value],
          kind: start?.kind === 'verb' ? start.verb : start?.kind,
          start: start?.line,
          stop: stop?.line,
          wait: cmdTimeoutMs,
        };
      });
      assert.deepEqual(found, MEANT[seed]);
      assert.deepEqual(options, OPTIONS[seed]);
    });
  }

  it('nantes.knockd.trusted means what its author meant', () => {
    const { entries, faults } = parseTrusted(readSeed('nantes.knockd.trusted'), 't');
    assert.deepEqual(faults, []);
    assert.deepEqual(entries, [
      { line: 3, text: 'ssh.maths.fr', network: undefined },
      { line: 4, text: '29.123.4.0/24', network: '29.123.4.0/24' },
      { line: 5, text: '29.123.21.0/24', network: '29.123.21.0/24' },
      { line: 6, text: '30.28.121.188', network: '30.28.121.188' },
    ]);
  });
});

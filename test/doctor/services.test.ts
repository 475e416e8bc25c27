/** Each service by itself, by made-up facts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DOOR, listening, rules, SHELL_DOOR, told } from './made-up.js';

const TWO = '[service.ssh]\non_failure = hold\n[service.web]\nports = 80\non_failure = restore\n';

describe('doctor: who gets in', () => {
  const nobody = (other: Parameters<typeof told>[0]): string[] =>
    told(other).filter((line) => line.includes('nobody can get into'));

  it('a service that no door accepts into, whatever its on_failure', () => {
    for (const word of ['restore', 'flush', 'hold']) {
      assert.match(
        nobody({ conf: `[service.ssh]\non_failure = ${word}\n`, doors: '' }).join('\n'),
        /^danger: nobody can get into service ssh: .* fix: command = knockctl accept %IP% --service ssh/,
      );
    }
    assert.match(nobody({ conf: TWO }).join('\n'), /^danger: nobody can get into service web/);
  });

  it('is told once, where hold would say as much', () => {
    assert.deepEqual(told({ doors: '' }).length, 1);
  });

  it('not where somebody is trusted, a door names it or trusts, or a shell does what we do not know', () => {
    assert.deepEqual(nobody({ conf: TWO, trusted: '192.0.2.1\n' }), []);
    assert.deepEqual(nobody({ conf: TWO, doors: SHELL_DOOR }), []);
    assert.deepEqual(nobody({ conf: TWO, doors: DOOR.replace('accept', 'trust') }), []);
    const web = DOOR.replace('[open]', '[web]').replace('%IP%', '%IP% --service web');
    assert.deepEqual(nobody({ conf: TWO, doors: `${DOOR}${web}` }), []);
  });

  it('a door without a service means ssh, wherever it stands', () => {
    const conf = '[service.web]\nports = 80\n[service.ssh]\n';
    const notes = told({ conf }).filter((line) => line.startsWith('note'));
    assert.match(notes.join('\n'), /^note: service ssh has doors in the kernel, and on_failure = restore/);
    assert.match(nobody({ conf }).join('\n'), /service web/);
  });

  it('restore with nobody let in: hold is of use only with doors in the kernel', () => {
    const shut = { rules: rules('nft', 4, '*filter', ':INPUT DROP [0:0]', 'COMMIT') };
    const fix = (other: Parameters<typeof told>[0]): string | undefined =>
      told({ conf: '[service.ssh]\n', ...shut, ...other }).find((line) =>
        line.includes('let nobody in there'),
      );
    assert.match(fix({}) ?? '', /fix: on_failure = hold .* doors in the kernel go on to open/);
    const shell = fix({ doors: SHELL_DOOR }) ?? '';
    assert.match(shell, /^danger: .* fix: trust an address .* a rule of your own that accepts/);
    assert.doesNotMatch(shell, /go on to open/);
    assert.match(
      fix({ doors: SHELL_DOOR, trusted: '192.0.2.1\n' }) ?? '',
      /^warning: .* fix: a rule of your own/,
    );
  });
});

describe('doctor: who listens', () => {
  const at = (conf: string, ...there: ReturnType<typeof listening>[]): string =>
    told({ conf: `[service.ssh]\non_failure = hold\n${conf}`, listening: there })
      .filter((line) => line.includes('nobody listens at'))
      .join('\n');

  it('sshd elsewhere than the service is', () => {
    assert.match(
      at('ports = 2222\n', listening(22, 'sshd'), listening(25, 'exim4')),
      /^warning: nobody listens at tcp port 2222 \(service ssh\).* sshd listens at 22, in no service/,
    );
  });

  it('others, where no sshd is known', () => {
    assert.match(
      at('ports = 2222\n', listening(80, 'nginx'), listening(81)),
      /nginx listens at 80, somebody listens at 81/,
    );
  });

  it('nobody at all, somebody at one of its ports, and a service for others: nothing to tell', () => {
    assert.equal(at('ports = 2222\n'), '');
    assert.equal(at('ports = 22, 2222\n', listening(22, 'sshd'), listening(80)), '');
    assert.equal(at('ports = 2222\nchain = FORWARD\n', listening(22, 'sshd')), '');
  });

  it('the loopback alone does not count', () => {
    const local = listening(2222, 'sshd', { isLoopback: true });
    assert.match(
      at('ports = 2222\n', local, listening(22, 'sshd')),
      /^warning: nobody listens at tcp port 2222/,
    );
    assert.equal(at('ports = 2222\n', local), '');
  });
});

describe('doctor: the session that it is called from', () => {
  const session = { peer: '192.0.2.9', port: 2200, host: '192.0.2.1' };
  const own = (conf: string): string =>
    told({ conf: `[service.ssh]\non_failure = hold\n${conf}`, session })
      .filter((line) => line.includes('your own session'))
      .join('\n');

  it('its port is in no service, or in one for another address', () => {
    assert.match(
      own('ports = 22\n'),
      /^warning: the port of your own session \(tcp 2200 of 192\.0\.2\.1\) is not protected/,
    );
    assert.match(own('ports = 2200\naddress = 192.0.2.2\n'), /^warning/);
    assert.match(own('ports = 2200\nprotocol = udp\n'), /^warning/);
  });

  it('its port is protected', () => {
    assert.equal(own('ports = 22, 2200\n'), '');
    assert.equal(own('ports = 2200\naddress = 192.0.2.1\n'), '');
  });
});

describe('doctor: a family that is left out', () => {
  const conf = '[firewall]\nfamilies = ipv4\n[service.ssh]\non_failure = hold\n';
  const addresses = [{ family: 6, text: '2001:db8::7' }] as const;
  const six = (isLoopback: boolean): string =>
    told({ conf, addresses, listening: [listening(22, 'sshd', { family: 6, isLoopback })] }).join('\n');

  it('is a danger where somebody listens', () => {
    assert.match(six(false), /^danger: this host has IPv6 addresses .* is open to everybody over IPv6/);
  });

  it('is none where only this host itself gets there', () => {
    assert.match(six(true), /^note: this host has IPv6 addresses/);
  });
});

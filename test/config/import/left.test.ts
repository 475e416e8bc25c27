import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ConfigError } from '../../../src/base/errors.js';
import type { ImportPlan } from '../../../src/config/import/plan.js';
import { parseKnockdConf } from '../../../src/config/knockd/knockd-conf.js';
import { readSeed } from '../seeds.js';
import { A, advice, commands, conf, D, doors, kinds, plan, textOf } from './support.js';

describe('what stays as it was', () => {
  const plain = `command = ${A} 22 -j ACCEPT`;

  /** The doors with a plain one of port 22 behind them; both must stay, or only the first. */
  function stays(lines: readonly string[], alone: boolean): ImportPlan {
    const planned = plan(doors(lines, [plain]));
    assert.deepEqual(conf(planned).services, alone ? ['ssh tcp 22 INPUT'] : []);
    assert.equal(planned.knockdConf.includes(`\n${lines.join('\n')}\n`), true, planned.knockdConf);
    assert.match(textOf(planned, 3), /./);
    return planned;
  }

  it('a port is taken over whole or not at all', () => {
    for (const line of [
      `${A} 22 -j ACCEPT; logger -t knock %IP%`,
      'iptables -A INPUT -i eth0 -s %IP% -p tcp --dport ssh -j ACCEPT',
      'iptables -A INPUT -s %IP% -j ACCEPT',
      'iptables -F INPUT',
      'ufw allow in on eth0 from %IP% to any port 22',
      'ufw allow proto esp from %IP% to any port 22',
      'firewall-cmd --zone=public --add-service=ssh --add-service=http',
      `${D} 22 -m comment --comment other -j ACCEPT`,
    ]) {
      const planned = stays([`command = ${line}`], false);
      assert.match(textOf(planned, 6), /line 3 stays with the shell.*tcp port 22 too/, line);
      assert.deepEqual(kinds(planned), ['3 left', '6 left']);
    }
  });

  it('what has nothing to do with the port takes no door with it', () => {
    for (const line of [
      '/usr/local/bin/open-door.sh %IP%',
      'wakeonlan 00:11:22:33:44:55',
      'iptables -A INPUT -s %IP% -p tcp --dport 8000:8999 -j ACCEPT',
      'iptables -A INPUT -s %IP% -p icmp -j ACCEPT',
      'iptables -A INPUT -s %IP% -p udp --dport 20:40 -j ACCEPT',
      'iptables -I INPUT -s %IP% -j REJECT',
      'ipset create knocked hash:ip',
      'nft add element inet filter admins { 10.0.0.1 }',
    ]) {
      const planned = stays([`command = ${line}`], true);
      assert.deepEqual(kinds(planned), ['3 left', '6 understood'], line);
      assert.match(advice(planned), /no command that was left/);
    }
  });

  it('a port that another door opens with others', () => {
    for (const line of [
      'iptables -A INPUT -s %IP% -p tcp -m multiport --dports 80,22 -j ACCEPT',
      'iptables -A INPUT -s %IP% -p tcp --dport 20:25 -j ACCEPT',
    ]) {
      const planned = stays([`command = ${line}`], false);
      assert.match(textOf(planned, 3), /another door about tcp port 22: a port belongs to one service/);
      assert.match(textOf(planned, 6), /a port belongs to one service/);
    }
  });

  it('a rule whose stop command does something else, or at once', () => {
    for (const stop of ['stop_command = logger closed', `stop_command = ${D} 21 -j ACCEPT`]) {
      const planned = stays([`start_command = ${A} 22 -j ACCEPT`, stop], false);
      assert.match(textOf(planned, 3), /line 3 and its stop command in line 4/);
    }
    const planned = stays(
      [`start_command = ${A} 22 -j ACCEPT`, `stop_command = ${D} 22 -j ACCEPT`, 'cmd_timeout = 0'],
      false,
    );
    assert.match(textOf(planned, 4), /cmd_timeout = 0/);
  });

  it('a closing door that closes nothing exactly', () => {
    const planned = plan(doors([plain], [`command = ${D} 80 -j ACCEPT`]));
    assert.deepEqual(conf(planned).services, ['ssh tcp 22 INPUT']);
    assert.match(textOf(planned, 6), /no door here adds/);
  });

  it('iptables for IPv6 knocks, and a stop for those alone', () => {
    const six = plan(doors([`command_6 = ${A} 22 -j ACCEPT`]));
    assert.match(textOf(six, 3), /ip6tables/);
    const stop = 'stop_command_6 = ip6tables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT';
    const planned = plan(doors([plain, stop]));
    assert.deepEqual(conf(planned).services, []);
    assert.deepEqual(kinds(planned), ['3 left', '4 left']);
    assert.equal(planned.notes.filter(({ line }) => line === 3).length, 1);
  });

  it('lines without effect', () => {
    const first = `command = ${A} 80 -j ACCEPT`;
    const planned = plan(doors([first, plain]));
    assert.match(textOf(planned, 3), /line 4 takes its place/);
    assert.deepEqual(conf(planned).services, ['ssh tcp 22 INPUT']);
    const stop = plan(doors(['stop_command = logger']));
    assert.match(textOf(stop, 3), /never runs/);
  });
});

describe('lines', () => {
  it('an earlier stop command does not come into force where the last one went', () => {
    const planned = plan(
      doors([
        'stop_command = touch /earlier',
        `start_command = ${A} 22 -j ACCEPT`,
        `stop_command = ${D} 22 -j ACCEPT`,
      ]),
    );
    assert.deepEqual(commands(planned), [['knockctl accept %IP% --timeout 10']]);
    assert.ok(planned.knockdConf.includes('\n# stop_command = touch /earlier\n'));
  });

  it('both families with their stops in one door', () => {
    const six = (letter: string): string => `ip6tables -${letter} INPUT -s %IP% -p tcp --dport 22 -j ACCEPT`;
    const planned = plan(
      doors([
        `start_command = ${A} 22 -j ACCEPT`,
        `stop_command = ${D} 22 -j ACCEPT`,
        `start_command_6 = ${six('A')}`,
        `stop_command_6 = ${six('D')}`,
        'cmd_timeout = 20',
      ]),
    );
    const [door] = parseKnockdConf(planned.knockdConf, 'k').doors;
    for (const family of [4, 6] as const) {
      assert.equal(door?.actions[family].start?.line, 'knockctl accept %IP% --timeout 20');
      assert.equal(door.actions[family].stop, undefined);
    }
  });

  it('DOS line ends, tabs, a byte order mark and the missing last line break stay', () => {
    const text = `\uFEFF# top\r\n[d]\r\n\tsequence=1\r\n\t Command=\t${A} 22 -j ACCEPT \t\r\n# end`;
    assert.equal(
      plan(text).knockdConf,
      `\uFEFF# top\r\n[d]\r\n\tsequence=1\r\n\t # Command=\t${A} 22 -j ACCEPT \t\r\n` +
        '\t Command=\tknockctl accept %IP% --timeout 300 \t\r\n# end',
    );
  });

  it('an edited time-out is not taken back by a second import', () => {
    const once = plan(readSeed('home-ftp.knockd.conf'));
    const edited = once.knockdConf.replace('--timeout 300', '--timeout 600');
    const twice = plan(edited);
    assert.equal(twice.knockdConf, edited);
    assert.equal(twice.knockctlConf, once.knockctlConf);
  });
});

describe('broken input', () => {
  it('every fault at once, with its line; bytes that are no UTF-8 too', () => {
    assert.throws(
      () => plan('# caf\uFFFD\n[a]\nsequence = 0\nfoo\n[b]\n'),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.deepEqual(error.faults.map(({ file, line }) => `${file}:${line}`).sort(), [
          '/etc/knockd.conf:1',
          '/etc/knockd.conf:3',
          '/etc/knockd.conf:4',
          '/etc/knockd.conf:5',
        ]);
        return true;
      },
    );
  });

  it('what only shows when all is read together has the line of the file that was read', () => {
    const oneTime = 'one_time_sequences = /etc/knockd/once';
    const once = plan(doors([oneTime, `command = ${A} 22 -j ACCEPT`]));
    assert.deepEqual(conf(once).services, ['ssh tcp 22 INPUT']);
    assert.throws(
      () => plan(doors([oneTime, `command = ${A} 22 -j ACCEPT`], [oneTime])),
      (error) => error instanceof ConfigError && /^\/etc\/knockd\.conf:7: .*own$/.test(error.message),
    );
    assert.throws(
      () =>
        plan(doors(['command = knockctl accept %IP%'], ['command = knockctl accept %IP% --service port-22'])),
      (error) => error instanceof ConfigError && error.message.includes('both protect tcp port 22'),
    );
  });
});

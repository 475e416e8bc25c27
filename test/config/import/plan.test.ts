import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ConfigError } from '../../../src/base/errors.js';
import { planImport } from '../../../src/config/import/plan.js';
import { parseKnockctlConf } from '../../../src/config/knockctl/knockctl-conf.js';
import { readSeed } from '../seeds.js';
import { A, advice, commands, conf, D, doors, kinds, lookUp, plan, textOf } from './support.js';

describe('published configurations', () => {
  it('debian-default: two doors, accept for ever and flush; all else byte for byte', () => {
    const seed = readSeed('debian-default.knockd.conf');
    const planned = plan(seed);
    const [open, close] = [`${A} 22 -j ACCEPT`, `${D} 22 -j ACCEPT`].map((rule) => `command = ${rule}`);
    assert.ok(open !== undefined && close !== undefined);
    assert.equal(
      planned.knockdConf,
      seed
        .replace(open, `# ${open}\ncommand = knockctl accept %IP% --timeout 300`)
        .replace(close, `# ${close}\ncommand = knockctl flush %IP%`)
        .replaceAll('tcpflags = syn', '# tcpflags = syn\ntcpflags = syn,!ack'),
    );
    assert.deepEqual(conf(planned), { services: ['ssh tcp 22 INPUT'], families: [4] });
    assert.deepEqual(kinds(planned), [
      '2 understood',
      '6 understood',
      '7 understood',
      '11 understood',
      '12 understood',
    ]);
    assert.match(textOf(planned, 6), /for 300 s: the line had no time-out.*--timeout 0/);
    assert.match(advice(planned), /ESTABLISHED/);
    assert.match(advice(planned), /knockd\.trusted/);
    assert.match(advice(planned), /IPv6 stays/);
    assert.match(advice(planned), /eth0/);
  });

  it('home-ssh-udp: one door, its time-out the kernel’s', () => {
    const seed = readSeed('home-ssh-udp.knockd.conf');
    const planned = plan(seed);
    assert.equal(
      planned.knockdConf,
      seed
        .replace(/^start_command = .*$/m, '# $&\nstart_command = knockctl accept %IP% --timeout 300')
        .replace(/^stop_command/m, '# stop_command'),
    );
    assert.deepEqual(commands(planned), [['knockctl accept %IP% --timeout 300']]);
    assert.deepEqual(kinds(planned), ['2 understood', '7 understood', '9 understood']);
    assert.doesNotMatch(advice(planned), /flush/);
  });

  it('home-ftp: a service of that name', () => {
    const planned = plan(readSeed('home-ftp.knockd.conf'));
    assert.deepEqual(commands(planned), [
      ['knockctl accept %IP% --timeout 300 --service ftp'],
      ['knockctl flush %IP%'],
    ]);
    assert.deepEqual(conf(planned), { services: ['ftp tcp 21 INPUT'], families: [4] });
  });

  it('mixed-proto: --syn lets connections begin, as we do: no word on ESTABLISHED is needed', () => {
    const planned = plan(readSeed('mixed-proto.knockd.conf'));
    assert.deepEqual(commands(planned), [['knockctl accept %IP% --timeout 10']]);
    assert.match(
      planned.knockdConf,
      /\n {8}# stop_command {2}= \/usr\/sbin\/iptables -D INPUT .* -j ACCEPT\n?$/,
    );
    assert.doesNotMatch(advice(planned), /begin/);
  });

  it('open-close: its layout stays', () => {
    const planned = plan(readSeed('open-close.knockd.conf'));
    assert.match(
      planned.knockdConf,
      /\n {8}# command {5}= \/sbin.*\n {8}command {5}= knockctl accept %IP% --timeout 300\n/,
    );
    assert.match(textOf(planned, 2), /logfile = \/var\/log\/knockd\.log: stays/);
  });

  it('nantes: verbs already, kept; the service that they imply is written', () => {
    const seed = readSeed('nantes.knockd.conf');
    const planned = plan(seed);
    // Verbs stay; SYN-ACKs are no knocks in what we write.
    const kept = (text: string): string => text.replaceAll(/^.*tcpflags.*\n/gim, '');
    assert.equal(kept(planned.knockdConf), kept(seed));
    assert.equal(planned.knockdConf.match(/= syn,!ack$/gim)?.length, seed.match(/= syn$/gim)?.length);
    assert.deepEqual(conf(planned), { services: ['ssh tcp 22 INPUT'], families: [4, 6] });
    assert.ok(kinds(planned).every((kind) => kind.endsWith('understood')));
  });
});

describe('services', () => {
  it('one for each port, protocol and chain', () => {
    const planned = plan(
      doors(
        [`command = ${A} 22 -j ACCEPT`],
        ['command = iptables -I INPUT -s %IP% -p udp --dport 1194 -j ACCEPT'],
        [`command = ${A} 5900 -j ACCEPT`],
        ['command = iptables -I knock -s %IP% -p tcp --dport 22 -j ACCEPT'],
        [`command = ${A} ssh -m comment --comment again -j ACCEPT`],
      ),
    );
    assert.deepEqual(conf(planned).services, [
      'ssh tcp 22 INPUT',
      'port-1194-udp udp 1194 INPUT',
      'port-5900 tcp 5900 INPUT',
      'ssh-2 tcp 22 knock',
    ]);
    assert.deepEqual(commands(planned).flat(), [
      'knockctl accept %IP% --timeout 300',
      'knockctl accept %IP% --timeout 300 --service port-1194-udp',
      'knockctl accept %IP% --timeout 300 --service port-5900',
      'knockctl accept %IP% --timeout 300 --service ssh-2',
      'knockctl accept %IP% --timeout 300',
    ]);
  });

  it('families are those of the doors', () => {
    const six = 'command_6 = ip6tables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT';
    assert.deepEqual(conf(plan(doors([`command = ${A} 22 -j ACCEPT`, six]))).families, [4, 6]);
    assert.deepEqual(conf(plan(doors([six]))).families, [6]);
    assert.deepEqual(
      conf(plan(doors([`command = ${A} 21 -j ACCEPT`], ['command = knockctl accept %IP%']))).families,
      [4, 6],
    );
  });

  it('a verb of a service whose name does not tell its port is refused, with its line', () => {
    assert.throws(
      () => plan(doors(['command = knockctl accept %IP% --service shop'])),
      (error) =>
        error instanceof ConfigError && error.message.startsWith('/etc/knockd.conf:3: --service "shop"'),
    );
    const named = plan(doors(['command = knockctl accept %IP% --service http']));
    assert.deepEqual(conf(named).services, ['http tcp 80 INPUT']);
  });

  it('another place of the new knockd.conf is written down', () => {
    for (const path of ['/srv/k/knockd.conf', '/srv/my k;#"\\é/knockd.conf']) {
      const { knockctlConf } = planImport('', 'f', lookUp, path);
      const { settings, faults } = parseKnockctlConf(knockctlConf, 'c');
      assert.deepEqual(faults, []);
      assert.equal(settings.paths.doors, path);
    }
  });
});

describe('bans', () => {
  it('become drop where there is a service to ban from', () => {
    const planned = plan(
      doors(
        ['command = iptables -I INPUT -s %IP% -j DROP'],
        [`command = ${A} 22 -j ACCEPT`],
        [
          'start_command = iptables -I INPUT -s %IP% -p tcp --dport 22 -j DROP',
          'cmd_timeout = 60',
          'stop_command = iptables -D INPUT -s %IP% -p tcp --dport 22 -j DROP',
        ],
        ['command = iptables -D INPUT -s %IP% -j DROP'],
      ),
    );
    assert.deepEqual(commands(planned), [
      ['knockctl drop %IP%'],
      ['knockctl accept %IP% --timeout 300'],
      ['knockctl drop %IP% --timeout 60'],
      ['knockctl flush %IP%'],
    ]);
    assert.match(advice(planned), /not from the whole host/);
    assert.match(advice(planned), /what knocks have opened/);
  });

  it('stay where there is none: to shut port 22 for the sake of a ban was not asked for', () => {
    const text = doors(
      ['command = iptables -I INPUT -s %IP% -j DROP'],
      ['command = iptables -D INPUT -s %IP% -j DROP'],
    );
    const planned = plan(text);
    assert.equal(planned.knockdConf, text);
    assert.deepEqual(conf(planned).services, []);
    assert.deepEqual(kinds(planned), ['3 left', '6 left']);
  });

  it('of a port that is no service stay', () => {
    const ban = 'command = iptables -I INPUT -s %IP% -p tcp --dport 80 -j DROP';
    const planned = plan(doors([ban], [`command = ${A} 22 -j ACCEPT`]));
    assert.match(textOf(planned, 3), /tcp port 80 is none of them/);
    assert.equal(commands(planned)[0]?.[0], ban.slice('command = '.length));
  });
});

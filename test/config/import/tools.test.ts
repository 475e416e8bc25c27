import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { effectsIn, readDoorLine, type DoorRule } from '../../../src/config/import/line.js';
import { commands, conf, doors, lookUp, plan, textOf } from './support.js';

function understood(line: string): DoorRule {
  const rule = readDoorLine(line, lookUp);
  assert.ok(rule.ok, `${line}: ${rule.ok ? '' : rule.reason}`);
  return rule.value;
}

/** `+tcp 22` lets in, `-tcp 22` no more, `ban` and `unban`; with the time, and `all` for everybody. */
function inShort(line: string): string {
  const { adds, verdict, place, set, timeoutS, isForAll } = understood(line);
  const where = place === undefined ? `set ${set ?? ''}` : `${place.protocol} ${place.ports.join()}`;
  const what = verdict === 'DROP' ? `${adds ? '' : 'un'}ban ${where}` : `${adds ? '+' : '-'}${where}`;
  return `${what}${timeoutS === undefined ? '' : ` ${timeoutS}s`}${isForAll ? ' all' : ''}`;
}

const R = 'INPUT -s %IP% -p tcp --dport 22 -j ACCEPT';

describe('what tutorials write is understood', () => {
  const lines: readonly (readonly [line: string, expected: string])[] = [
    ['ufw allow from %IP% to any port 22', '+tcp 22'],
    ['/usr/sbin/ufw insert 1 allow from %IP% to any port 22 comment knockd', '+tcp 22'],
    ["ufw insert 1 allow proto tcp from %IP% to any port 22,443 comment 'by knockd'", '+tcp 22,443'],
    ['ufw prepend allow from %IP% to any port 51820 proto udp', '+udp 51820'],
    ['ufw allow in from %IP% to any port ssh', '+tcp 22'],
    ['ufw limit from %IP% to any port 22/tcp', '+tcp 22'],
    ['ufw allow from %IP% to any app OpenSSH', '+tcp 22'],
    ['ufw --force delete allow from %IP% to any port 22', '-tcp 22'],
    ['ufw allow 2222/tcp', '+tcp 2222 all'],
    ['ufw allow ssh', '+tcp 22 all'],
    ['ufw allow OpenSSH', '+tcp 22 all'],
    ["ufw allow 'Nginx Full'", '+tcp 80,443 all'],
    ['ufw delete allow 2222/tcp', '-tcp 2222 all'],
    ['ufw deny 22/tcp', '-tcp 22 all'],
    ['ufw delete deny 22/tcp', '+tcp 22 all'],
    ['ufw deny from %IP%', 'ban set '],
    ['ufw delete deny from %IP%', 'unban set '],
    [
      `firewall-cmd --zone=public --add-rich-rule='rule family="ipv4" source address="%IP%" port port="22" protocol="tcp" accept' --timeout=60`,
      '+tcp 22 60s',
    ],
    [
      `firewall-cmd --add-rich-rule="rule family="ipv4" source address="%IP%" service name="ssh" accept"`,
      '+tcp 22',
    ],
    [
      `firewall-cmd --timeout 5m --add-rich-rule 'rule family=ipv6 source address=%IP%/128 port port=6000-6003 protocol=udp accept'`,
      '+udp 6000,6001,6002,6003 300s',
    ],
    [
      `firewall-cmd --remove-rich-rule='rule family="ipv4" source address="%IP%" port port="22" protocol="tcp" accept'`,
      '-tcp 22',
    ],
    [
      `firewall-cmd -q --permanent --add-rich-rule='rule family="ipv4" source address="%IP%" service name="ssh" log prefix="k" level="info" accept' && firewall-cmd --reload`,
      '+tcp 22',
    ],
    [`firewall-cmd --add-rich-rule='rule source address="%IP%" drop'`, 'ban set '],
    ['firewall-cmd --zone public --add-port=8080/tcp --timeout=1h', '+tcp 8080 3600s all'],
    ['firewall-cmd --remove-service ssh', '-tcp 22 all'],
    ['nft add element inet gateway emergency { %IP% timeout 60s }', '+set gateway emergency 60s'],
    ['/usr/sbin/nft add element ip filter knocked {%IP%}', '+set filter knocked'],
    ["nft 'add element inet filter allowed { %IP% timeout 1h30m }'", '+set filter allowed 5400s'],
    ['nft add element inet filter allowed \\{ %IP% \\}', '+set filter allowed'],
    ['nft add element inet filter allowed { %IP% . 22 timeout 30s }', '+tcp 22 30s'],
    ['nft add element filter allowed { %IP% . udp . 1194 }', '+udp 1194'],
    ['nft delete element inet filter allowed { %IP% }', '-set filter allowed'],
    ['nft add element inet filter banned { %IP% timeout 1d }', 'ban set filter banned 86400s'],
    [
      'nft insert rule inet filter input ip saddr %IP% tcp dport { 22, 80 } ct state new counter accept',
      '+tcp 22,80',
    ],
    ['nft add rule ip6 filter input position 3 ip6 saddr %IP% udp dport 1194 accept', '+udp 1194'],
    ['ipset add knocked %IP%', '+set knocked'],
    ['/usr/sbin/ipset -q -exist add whitelist_0 %IP% timeout 3600', '+set whitelist_0 3600s'],
    ['ipset -! -A knocked %IP% --exist', '+set knocked'],
    ['ipset add knocked %IP%,tcp:22 timeout 60', '+tcp 22 60s'],
    ['ipset add knocked %IP%,22', '+tcp 22'],
    ['ipset del knocked %IP% -exist', '-set knocked'],
    ['ipset test knocked %IP% || ipset add knocked %IP% timeout 60', '+set knocked 60s'],
    [`iptables -C ${R} || iptables -I ${R}`, '+tcp 22'],
    [`iptables -C ${R} 2>/dev/null || iptables -I ${R.replace('INPUT', 'INPUT 1')}`, '+tcp 22'],
    [`iptables -C ${R} && iptables -D ${R}`, '-tcp 22'],
    [`iptables -D ${R} 2>/dev/null; iptables -I ${R}`, '+tcp 22'],
    [`iptables -w 5 -W 100000 -I ${R}`, '+tcp 22'],
    [`sudo iptables -I ${R} # a note`, '+tcp 22'],
    [`/usr/bin/sudo -n -u root /sbin/iptables -I ${R}`, '+tcp 22'],
    [`env PATH=/sbin iptables -I ${R} > /dev/null 2>&1`, '+tcp 22'],
    [`PATH=/sbin:/usr/sbin iptables-nft -I ${R} &`, '+tcp 22'],
    [`sh -c 'iptables -I ${R}'`, '+tcp 22'],
    [`iptables -I ${R}; sleep 30; iptables -D ${R}`, '+tcp 22 30s'],
    [`iptables -I ${R} && (sleep 2; sleep 3; iptables -D ${R}) &`, '+tcp 22 5s'],
    [`iptables -I ${R}; ip6tables -I ${R}`, '+tcp 22'],
    [`iptables -I ${R} || true`, '+tcp 22'],
    ['iptables -I INPUT -s %IP% -p tcp -m multiport --dport 22,443 -j ACCEPT', '+tcp 22,443'],
    [
      'iptables -I INPUT -s %IP% -p udp --dport 60000:60010 -j ACCEPT',
      `+udp ${Array.from({ length: 11 }, (_, at) => 60_000 + at).join()}`,
    ],
    ['iptables -I INPUT -p udp --dport 51820 -j ACCEPT', '+udp 51820 all'],
    ['iptables -D INPUT -p tcp --dport 22 -j DROP', '+tcp 22 all'],
    ['iptables -I INPUT 1 -p tcp --dport 22 -j REJECT --reject-with tcp-reset', '-tcp 22 all'],
    [
      `iptables -C INPUT -p tcp --dport 22 -j DROP || iptables -I INPUT 1 -p tcp --dport 22 -j DROP && iptables -D ${R} 2>/dev/null`,
      '-tcp 22',
    ],
  ];
  for (const [line, expected] of lines) {
    it(line, () => {
      assert.equal(inShort(line), expected);
    });
  }

  it('with the families that it is about', () => {
    const families = (line: string): readonly number[] => understood(line).families;
    assert.deepEqual(families(`iptables -I ${R}`), [4]);
    assert.deepEqual(families(`iptables -I ${R}; ip6tables -I ${R}`), [4, 6]);
    assert.deepEqual(families('ufw allow from %IP% to any port 22'), []);
    assert.deepEqual(
      families(
        `firewall-cmd --add-rich-rule='rule family="ipv6" source address="%IP%" service name="ssh" accept'`,
      ),
      [6],
    );
  });

  it('and what takes it away, however it is written', () => {
    for (const [adds, takes] of [
      [
        'ufw insert 1 allow from %IP% to any port 22 comment x',
        'ufw --force delete allow from %IP% to any port 22',
      ],
      [
        `firewall-cmd --add-rich-rule='rule family="ipv4" source address="%IP%" service name="ssh" accept' --timeout=9`,
        `firewall-cmd --zone=public --remove-rich-rule="rule family=ipv4 source address=%IP% service name=ssh accept"`,
      ],
      ['nft add element inet a b { %IP% timeout 1m }', 'nft delete element inet a b { %IP% }'],
      ['ipset -exist add s %IP% timeout 4', 'ipset -q del s %IP%'],
      [`iptables -I ${R}; ip6tables -I ${R}`, `iptables -D ${R}; ip6tables -D ${R}`],
      ['iptables -D INPUT -p tcp --dport 22 -j DROP', 'iptables -A INPUT -p tcp --dport 22 -j DROP'],
    ] as const) {
      const [one, other] = [understood(adds), understood(takes)];
      assert.ok(one.adds && !other.adds, takes);
      assert.deepEqual(one.identities, other.identities);
    }
  });
});

describe('the true reason is told where a line stays', () => {
  const lines: readonly (readonly [line: string, reason: RegExp])[] = [
    ['ufw allow from %IP%', /names no port/],
    ['ufw insert 1 allow in on eth1 from %IP% to any port 22', /interface eth1 only/],
    ['ufw delete 3', /by its number/],
    ['ufw allow from 10.0.0.0/8 to any port 22', /from 10.0.0.0\/8, not from/],
    ['ufw allow from %IP% to 10.0.0.1 port 22', /destination 10.0.0.1/],
    ['ufw allow from %IP% port 99 to any port 22', /source port 99/],
    ['ufw route allow from %IP% to any port 22', /other machines/],
    ['ufw enable', /ufw "enable"/],
    [
      `firewall-cmd --add-rich-rule='rule family="ipv4" source ipset="x" service name="ssh" accept'`,
      /source is not/,
    ],
    [`firewall-cmd --add-rich-rule='rule source address="%IP%" masquerade'`, /"masquerade"/],
    [`firewall-cmd --add-rich-rule='rule source address="%IP%" accept'`, /no protocol with its ports/],
    ['firewall-cmd --zone=trusted --add-source=%IP%', /--add-source/],
    ['firewall-cmd --add-service=my-own', /firewalld's service "my-own"/],
    ['nft add element inet filter allowed { %IP%, 10.0.0.1 }', /more than the address/],
    ['nft delete rule inet filter input handle 7', /handle/],
    ['nft add rule inet filter input ip saddr %IP% meta iif eth0 tcp dport 22 accept', /"meta"/],
    ['ipset create x hash:ip', /ipset "create"/],
    ['ipset add x 10.0.0.1', /not the address that knocked/],
    [`iptables -I ${R}; iptables -D ${R}`, /takes it away at once/],
    [`iptables -I ${R}; iptables -I INPUT -s %IP% -p tcp --dport 80 -j ACCEPT`, /several things/],
    [`iptables -I ${R} | logger`, /pipe/],
    [`for i in 1 2; do iptables -I ${R}; done`, /"for" is a word of the shell/],
    [`iptables -I INPUT -s $(dig +short h) -p tcp --dport 22 -j ACCEPT`, /for a shell to say/],
    ['sleep 5', /it waits/],
    ['/sbin/iptables -I INPUT -s %IP% -j ACCEPT; /opt/x %IP%', /no protocol with its ports/],
  ];
  for (const [line, reason] of lines) {
    it(line, () => {
      const rule = readDoorLine(line, lookUp);
      assert.ok(!rule.ok, 'it was understood');
      assert.match(rule.reason, reason);
    });
  }

  it('what is understood of such a line is known all the same', () => {
    const [effect] = effectsIn('ufw allow 22/tcp; logger opened', lookUp);
    assert.deepEqual([effect?.action, effect?.isForAll], ['add', true]);
  });
});

describe('what is proposed for them', () => {
  it('a set says no port: the names of set and door do, else it is SSH, with a remark', () => {
    const planned = plan(
      doors(
        ['command = nft add element inet fw http_allowed { %IP% timeout 60s }'],
        ['command = ipset add w %IP%'],
      ),
    );
    assert.deepEqual(conf(planned).services, ['port-80 tcp 80 INPUT', 'ssh tcp 22 INPUT']);
    assert.deepEqual(commands(planned).flat(), [
      'knockctl accept %IP% --timeout 60 --service port-80',
      'knockctl accept %IP% --timeout 300',
    ]);
    assert.match(textOf(planned, 3), /nothing tells which port its rule opens: tcp port 80 is taken/);
  });

  it('several ports become one service', () => {
    const planned = plan(
      doors([
        'start_command = iptables -I INPUT -s %IP% -p tcp -m multiport --dports 22,443 -j ACCEPT',
        'cmd_timeout = 20',
        'stop_command = iptables -D INPUT -s %IP% -p tcp -m multiport --dports 443,22 -j ACCEPT',
      ]),
    );
    assert.deepEqual(conf(planned).services, ['ports-22 tcp 22,443 INPUT']);
    assert.deepEqual(commands(planned), [['knockctl accept %IP% --timeout 20 --service ports-22']]);
  });

  it('the shorter of a time-out in the command and one by a stop command', () => {
    const planned = plan(
      doors([
        'start_command = ipset add ssh %IP% timeout 60',
        'cmd_timeout = 20',
        'stop_command = ipset del ssh %IP%',
      ]),
    );
    assert.deepEqual(commands(planned), [['knockctl accept %IP% --timeout 20']]);
  });

  it('what let everybody in lets in the knocker, and says so; --permanent is told', () => {
    const planned = plan(
      doors(
        ['command = ufw allow 22/tcp'],
        ['command = firewall-cmd --permanent --add-port=80/tcp && firewall-cmd --reload'],
      ),
    );
    assert.match(textOf(planned, 3), /it let everybody in: now it is the address that knocked alone/);
    assert.match(textOf(planned, 6), /--permanent nothing happened before the next firewall-cmd --reload/);
  });

  it('a verb with sudo in front, or a comment behind, becomes the verb', () => {
    const planned = plan(
      doors(['command = sudo knockctl accept %IP% -t 60'], ['command = knockctl flush %IP% # shut']),
    );
    assert.deepEqual(commands(planned).flat(), ['knockctl accept %IP% -t 60', 'knockctl flush %IP%']);
  });
});

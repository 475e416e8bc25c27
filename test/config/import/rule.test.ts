import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Place } from '../../../src/config/import/effect.js';
import { readDoorLine, type DoorRule } from '../../../src/config/import/line.js';

const PORTS: ReadonlyMap<string, number> = new Map([
  ['ssh', 22],
  ['ftp', 21],
]);
const lookUp = (name: string): number | undefined => PORTS.get(name);

function understood(line: string): DoorRule {
  const rule = readDoorLine(line, lookUp);
  assert.ok(rule.ok, `${line}: ${rule.ok ? '' : rule.reason}`);
  return rule.value;
}

const SSH: Place = { protocol: 'tcp', ports: [22], chain: 'INPUT' };

describe('a door rule that a verb can do as well', () => {
  const lines: readonly (readonly [line: string, place: Place, newOnly?: boolean])[] = [
    ['iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT', SSH],
    ['/sbin/iptables -I INPUT -s %IP% -p tcp --dport ssh -j ACCEPT', SSH],
    ['/usr/sbin/iptables -I INPUT 1 -s %IP%/32 -p TCP --dport 22 -j ACCEPT', SSH],
    ['ip6tables -A INPUT -s %IP%/128 -p tcp -m tcp --dport=22 -j ACCEPT', SSH],
    ['iptables -w -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT', SSH],
    ['iptables -w 5 -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT', SSH],
    ['iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT --wait 5', SSH],
    ['iptables -t filter --insert INPUT --source %IP% --protocol tcp --dport 22 --jump ACCEPT', SSH],
    ['iptables -s %IP% -p tcp --dport 22 -j ACCEPT -I INPUT 3', SSH],
    ['iptables  -A\tINPUT -s "%IP%" -p tcp --dport \'22\' -j ACCEPT', SSH],
    ['iptables -A INPUT -s %IP% -p tcp -m multiport --dports 22 -j ACCEPT', SSH],
    ['iptables -A INPUT -s %IP% -p tcp --syn --dport 22 -j ACCEPT', SSH, true],
    ['iptables -A INPUT -s %IP% -p tcp --dport 22 -m state --state NEW -j ACCEPT', SSH, true],
    ['iptables -A INPUT -p tcp -m conntrack --ctstate NEW -s %IP% --dport 22 -j ACCEPT', SSH, true],
    ['iptables -A INPUT -s %IP% -p tcp -m state --state NEW,ESTABLISHED --dport 22 -j ACCEPT', SSH],
    ['iptables -A INPUT -s %IP% -p tcp --dport 22 -m comment --comment "a door" -j ACCEPT', SSH],
    [
      'iptables -A INPUT -s %IP% -p udp --dport 1194 -j ACCEPT',
      { protocol: 'udp', ports: [1194], chain: 'INPUT' },
    ],
    [
      'iptables -A knock -s %IP% -p tcp --dport ftp -j ACCEPT',
      { protocol: 'tcp', ports: [21], chain: 'knock' },
    ],
  ];
  for (const [line, place, newOnly = false] of lines) {
    it(line, () => {
      const rule = understood(line);
      assert.deepEqual(rule.place, place);
      assert.deepEqual([rule.adds, rule.verdict, rule.newOnly], [true, 'ACCEPT', newOnly]);
      assert.deepEqual(rule.families, [line.startsWith('ip6') ? 6 : 4]);
    });
  }

  it('a DROP of one port, or of all that the address sends', () => {
    assert.deepEqual(understood('iptables -I INPUT -s %IP% -p tcp --dport 22 -j DROP').place, SSH);
    const whole = understood('iptables -I INPUT -s %IP% -j DROP');
    assert.deepEqual([whole.adds, whole.verdict, whole.place], [true, 'DROP', undefined]);
  });
});

describe('which -D takes a rule away', () => {
  const rule = 'INPUT -s %IP% -p tcp --dport 22 -j ACCEPT';
  const identity = (line: string): string => understood(line).identities.join();

  it('the same rule, however it is written', () => {
    const opened = identity(`iptables -I ${rule}`);
    for (const line of [
      `/sbin/iptables -D ${rule}`,
      'iptables -w 3 -D INPUT -p tcp -s %IP%/32 -m tcp --dport ssh -j ACCEPT',
    ]) {
      assert.equal(understood(line).adds, false);
      assert.equal(identity(line), opened);
    }
  });

  it('not one that the kernel holds for another', () => {
    const opened = identity(`iptables -I ${rule}`);
    for (const other of [
      `ip6tables -D ${rule}`,
      'iptables -D INPUT -s %IP% -p tcp --dport 21 -j ACCEPT',
      'iptables -D INPUT -s %IP% -p udp --dport 22 -j ACCEPT',
      'iptables -D INPUT -s %IP% -p tcp --dport 22 -j DROP',
      'iptables -D knock -s %IP% -p tcp --dport 22 -j ACCEPT',
      'iptables -D INPUT -s %IP% -p tcp --syn --dport 22 -j ACCEPT',
      'iptables -D INPUT -s %IP% -p tcp -m multiport --dports 22 -j ACCEPT',
      'iptables -D INPUT -s %IP% -p tcp --dport 22 -m comment --comment x -j ACCEPT',
    ]) {
      assert.notEqual(identity(other), opened, other);
    }
  });
});

describe('what no verb can do as well is refused with the reason', () => {
  const rest = '-s %IP% -p tcp --dport 22 -j ACCEPT';
  const lines: readonly (readonly [line: string, reason: RegExp])[] = [
    [`iptables -A INPUT ${rest}; logger %IP%`, /runs "logger" too.*shell/],
    [`iptables -A INPUT ${rest} && echo`, /runs "echo" too/],
    [`iptables -A INPUT ${rest} | tee /x`, /shell/],
    [`iptables -A INPUT -s $(cat /x) -p tcp --dport 22 -j ACCEPT`, /shell/],
    [`iptables -A INPUT -s "$IP" -p tcp --dport 22 -j ACCEPT`, /shell/],
    [`iptables -A INPUT ${rest}; tcpdump -i "$X"`, /shell/],
    [`iptables -A INPUT ${rest} > /x < /y`, /reads a file/],
    ['/usr/local/bin/open.sh %IP%', /"\/usr\/local\/bin\/open.sh" is not iptables/],
    ['/usr/local/bin/open.sh', /is not told who knocked/],
    ['sudo iptables -A INPUT', /its target "" is/],
    [`/opt/evil/iptables -A INPUT ${rest}`, /"\/opt\/evil\/iptables" is not iptables/],
    ['/sbin/pfctl -t knockers -T add %IP%', /BSD/],
    ['systemctl start sshd', /starts or stops a program/],
    ['', /only a shell/],
    ['iptables', /neither adds/],
    ['iptables -F INPUT', /neither adds/],
    ['iptables -A', /not a rule/],
    [`iptables -A ${rest}`, /not a rule/],
    [`iptables -D INPUT 3`, /by its number/],
    [`iptables -t nat -A PREROUTING ${rest}`, /table "nat"/],
    [`iptables -A OUTPUT ${rest}`, /OUTPUT/],
    [`iptables -A FORWARD ${rest}`, /FORWARD a service would shut/],
    [`iptables -A INPUT -s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT`, /source is 10.0.0.0\/8/],
    [`iptables -A INPUT ! -s %IP% -p tcp --dport 22 -j ACCEPT`, /source is all but/],
    [`iptables -A INPUT -s %IP%/24 -p tcp --dport 22 -j ACCEPT`, /source/],
    [`iptables -A INPUT -d 10.0.0.1 ${rest}`, /destination 10.0.0.1 only/],
    [`iptables -A INPUT -i eth0 ${rest}`, /interface eth0 only \(-i eth0\)/],
    [`iptables -A INPUT ! -i lan0 ${rest}`, /every interface but lan0 \(! -i lan0\)/],
    [`iptables -A INPUT -f ${rest}`, /"-f"/],
    [`iptables -A INPUT -s %IP% -j ACCEPT`, /no protocol with its ports/],
    [`iptables -A INPUT -s %IP% -p tcp -j ACCEPT`, /no protocol with its ports/],
    [`iptables -A INPUT -s %IP% -p icmp -j ACCEPT`, /"icmp" is neither/],
    [`iptables -A INPUT -s %IP% ! -p tcp -j ACCEPT`, /all protocols but one/],
    [`iptables -A INPUT -s %IP% -p tcp ! --dport 22 -j ACCEPT`, /! --dport 22/],
    [
      `iptables -A INPUT -s %IP% -p tcp --dport 6000:6015 -j ACCEPT`,
      /several ports \(6000:6015\), .* 15 at most/,
    ],
    [`iptables -A INPUT -s %IP% -p tcp -m multiport --dports 22,x -j ACCEPT`, /"x" is not a port/],
    [`iptables -A INPUT -s %IP% -p tcp --dport gopher -j ACCEPT`, /"gopher" is not a port/],
    [`iptables -A INPUT -s %IP% -p tcp --dport 70000 -j ACCEPT`, /"70000" is not a port/],
    [`iptables -A INPUT -s %IP% -p tcp --sport 99 --dport 22 -j ACCEPT`, /"--sport"/],
    [`iptables -A INPUT -m recent --set ${rest}`, /"recent"/],
    [`iptables -A INPUT -m state --state ESTABLISHED ${rest}`, /not about new/],
    [`iptables -A INPUT -s %IP% -p tcp --dport 22 -j REJECT`, /REJECT/],
    [`iptables -A INPUT -s %IP% -p tcp --dport 22 -g ACCEPT`, /-g/],
    [`iptables -A INPUT -s %IP% -p tcp --dport 22`, /target "" is/],
    [`iptables -A INPUT -s %IP% -p tcp -j DROP`, /no protocol with its ports/],
  ];
  for (const [line, reason] of lines) {
    it(line, () => {
      const rule = readDoorLine(line, lookUp);
      assert.ok(!rule.ok, 'it was understood');
      assert.match(rule.reason, reason);
    });
  }
});

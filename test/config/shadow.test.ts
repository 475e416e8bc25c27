import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { impliedService } from '../../src/config/knockctl/services.js';
import { portNames, shadowedPorts } from '../../src/config/shadow.js';

const SSH = impliedService();
const lookUp = portNames(() => ({ ok: true, value: 'ssh\t22/tcp\t# x\nsmtp 25/tcp mail\n' }));

function isShadowed(line: string, services = [SSH]): boolean {
  return shadowedPorts(line, services, lookUp) !== undefined;
}

describe('rules that would stand behind our jump', () => {
  const shadowed = [
    '/sbin/iptables -A INPUT -s %IP% -p tcp --dport 22 -j ACCEPT',
    'iptables -A INPUT -s %IP% -p tcp --syn --dport ssh -j ACCEPT',
    'ip6tables -w --append INPUT --protocol TCP --destination-port 22 --jump ACCEPT',
    'iptables -A INPUT -s %IP% -p tcp -m multiport --dports 80,20:25 -j ACCEPT',
    'logger hi; /usr/sbin/iptables-nft -A "INPUT" -p tcp --dport=22 -j ACCEPT && echo',
    'iptables -t filter -A INPUT --dport 22 -j ACCEPT',
  ];
  for (const line of shadowed) {
    it(`warns of ${line}`, () => {
      const advice = shadowedPorts(line, [SSH], lookUp) ?? '';
      assert.match(advice, /port 22 .* service ssh .*"knockctl accept %IP%", or -I INPUT/);
    });
  }

  const fine = [
    'iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT',
    'iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT',
    'iptables -A FORWARD -p tcp --dport 22 -j ACCEPT',
    'iptables -A INPUT -p udp --dport 22 -j ACCEPT',
    'iptables -A INPUT -p tcp --dport 23 -j ACCEPT',
    'iptables -A INPUT -p tcp --dport smtp -j ACCEPT',
    'iptables -A INPUT -p tcp --dport nosuch -j ACCEPT',
    'iptables -A INPUT -p tcp --dport 22 -j DROP',
    'iptables -t nat -A INPUT -p tcp --dport 22 -j ACCEPT',
    'iptables -A INPUT -s %IP% -j ACCEPT',
    'echo -A INPUT -p tcp --dport 22 -j ACCEPT',
    'iptables -A INPUT; echo --dport 22 -j ACCEPT',
  ];
  for (const line of fine) {
    it(`says nothing of ${line}`, () => {
      assert.equal(isShadowed(line), false);
    });
  }

  it('says nothing where there is no service', () => {
    assert.equal(isShadowed('iptables -A INPUT -p tcp --dport 22 -j ACCEPT', []), false);
  });

  it('knows the usual names where there is no /etc/services', () => {
    const bare = portNames(() => ({ ok: true, value: undefined }));
    assert.deepEqual([bare('ssh'), bare('ftp'), bare('nosuch')], [22, 21, undefined]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { opensNothing } from '../../src/config/opens-nothing.js';
import { impliedService } from '../../src/config/knockctl/services.js';
import { portNames } from '../../src/config/shadow.js';

const SSH = impliedService('strict');
const lookUp = portNames(() => ({ ok: true, value: 'ssh\t22/tcp\nsmtp 25/tcp mail\n' }));

describe('a door of the shell beside gate = strict', () => {
  const refused = [
    '/sbin/iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT',
    '/sbin/iptables -I INPUT 1 -m state --state NEW,ESTABLISHED,RELATED -s %IP% -p tcp --dport ssh -j ACCEPT',
    'iptables -C INPUT -s %IP% -p tcp --dport 22 -j ACCEPT || iptables -I INPUT 1 -s %IP% -p tcp --dport 22 -j ACCEPT',
    'ip6tables -w -A INPUT -s %IP% -p tcp -m multiport --dports 80,20:25 -j ACCEPT',
    'iptables -I INPUT -s %IP% -j ACCEPT',
    'iptables -I INPUT -p all -s %IP% -j ACCEPT',
    'iptables -D INPUT -p tcp --dport 22 -j DROP',
    'ufw insert 1 allow from %IP% to any port 22 comment knockd',
    'ufw allow from %IP%',
    'ufw allow 22/tcp',
    'ufw allow ssh',
    '/usr/bin/firewall-cmd --zone=public --add-rich-rule=\'rule family="ipv4" source address="%IP%" port port="22" protocol="tcp" accept\' --timeout=60',
    'firewall-cmd --zone=internal --add-rich-rule="rule family="ipv4" source address="%IP%" service name="ssh" accept"',
    'firewall-cmd --add-port=22/tcp',
    'nft insert rule ip filter INPUT ip saddr %IP% tcp dport 22 accept',
    'nft add rule inet filter input ip saddr %IP% tcp dport { 80, 22 } counter accept',
    'nft add rule inet filter input ip saddr %IP% accept',
  ];
  for (const line of refused) {
    it(`refuses ${line}`, () => {
      const found = opensNothing(line, [SSH], lookUp);
      assert.match(
        found?.text ?? '',
        /port 22 .* service ssh .*strict.*"knockctl accept %IP%", or gate = normal/,
      );
      assert.equal(found?.sure, true);
      assert.equal(opensNothing(line, [impliedService()], lookUp), undefined, 'with gate = normal it opens');
    });
  }

  const doubtful = ['iptables -A KNOCK -s %IP% -p tcp -m multiport --dports 22,443 -j ACCEPT'];
  for (const line of doubtful) {
    it(`warns of ${line}`, () => {
      assert.equal(opensNothing(line, [SSH], lookUp)?.sure, false);
    });
  }

  const fine = [
    'iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT',
    'iptables -I INPUT -s %IP% -p tcp --dport 80 -j ACCEPT',
    'iptables -I INPUT -s %IP% -p udp --dport 22 -j ACCEPT',
    'iptables -I FORWARD -s %IP% -p tcp --dport 22 -j ACCEPT',
    'iptables -I OUTPUT -p tcp --dport 22 -j ACCEPT',
    'iptables -I INPUT -s %IP% -p tcp --dport 22 -j DROP',
    'iptables -t nat -I PREROUTING -p tcp --dport 22 -j ACCEPT',
    'iptables -I INPUT -s %IP% -j ACCEPT && knockctl accept %IP%',
    'ufw allow 80/tcp',
    'ufw delete allow from %IP% to any port 22',
    'ufw allow from %IP% to any port 443 proto tcp',
    'firewall-cmd --add-port=8080/tcp',
    'firewall-cmd --remove-port=22/tcp',
    'nft add rule inet filter input tcp dport 8022 accept',
    'nft add element inet gateway emergency_ssh { %IP% timeout 60s }',
    'ipset -q add whitelist_0 %IP% timeout 3600',
    'systemctl start sshd',
  ];
  for (const line of fine) {
    it(`says nothing of ${line}`, () => {
      assert.equal(opensNothing(line, [SSH], lookUp), undefined);
    });
  }

  it('of a forwarded port, sees the rule in FORWARD', () => {
    const inner = { ...SSH, chain: 'DOCKER-USER' };
    assert.equal(
      opensNothing('iptables -I FORWARD -s %IP% -p tcp --dport 22 -j ACCEPT', [inner], lookUp)?.sure,
      true,
    );
    assert.equal(
      opensNothing('iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT', [inner], lookUp),
      undefined,
    );
  });
});

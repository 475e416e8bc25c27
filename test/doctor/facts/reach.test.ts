import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { reach } from '../../../src/doctor/facts/reach.js';
import { parse } from '../../../src/iptables-parser/parse.js';

const SSH = { protocol: 'tcp', port: 22 } as const;

/** `everybody by rule` for the rules of INPUT, with a policy. */
function who(policy: string, ...rules: readonly string[]): string {
  const text = ['*filter', `:INPUT ${policy} [0:0]`, ':c - [0:0]', ':d - [0:0]', ...rules, 'COMMIT', ''].join(
    '\n',
  );
  const { who: some, by } = reach(parse(text), 'INPUT', SSH);
  return `${some} by ${by}`;
}

const CASES: readonly (readonly [what: string, policy: string, rules: readonly string[], who: string])[] = [
  ['nothing but the policy', 'ACCEPT', [], 'everybody by policy'],
  ['a policy that drops', 'DROP', [], 'nobody by policy'],
  [
    'established sessions alone',
    'DROP',
    ['-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'],
    'nobody by policy',
  ],
  [
    'new ones by state',
    'DROP',
    ['-A INPUT -m state --state NEW -p tcp -m tcp --dport 22 -j ACCEPT'],
    'everybody by rule',
  ],
  ['the loopback alone', 'DROP', ['-A INPUT -i lo -j ACCEPT'], 'nobody by policy'],
  ['all but the loopback', 'DROP', ['-A INPUT ! -i lo -j ACCEPT'], 'some by policy'],
  ['the port', 'DROP', ['-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'], 'everybody by rule'],
  ['a range with it', 'DROP', ['-A INPUT -p tcp -m tcp --dport 20:25 -j ACCEPT'], 'everybody by rule'],
  ['a range without it', 'DROP', ['-A INPUT -p tcp -m tcp --dport 23:25 -j ACCEPT'], 'nobody by policy'],
  [
    'a list with it',
    'DROP',
    ['-A INPUT -p tcp -m multiport --dports 80,20:22 -j ACCEPT'],
    'everybody by rule',
  ],
  ['any port but it', 'DROP', ['-A INPUT -p tcp -m tcp ! --dport 22 -j ACCEPT'], 'nobody by policy'],
  ['another protocol', 'DROP', ['-A INPUT -p udp -m udp --dport 22 -j ACCEPT'], 'nobody by policy'],
  ['a network', 'DROP', ['-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT'], 'some by policy'],
  ['all but a network', 'ACCEPT', ['-A INPUT -s 192.0.2.0/24 -j DROP'], 'some by policy'],
  [
    'a drop before it',
    'ACCEPT',
    ['-A INPUT -p tcp -j DROP', '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'],
    'nobody by rule',
  ],
  [
    'a rejection at the end',
    'ACCEPT',
    ['-A INPUT -j REJECT --reject-with icmp-port-unreachable'],
    'nobody by rule',
  ],
  [
    'a chain that accepts',
    'DROP',
    ['-A INPUT -j c', '-A c -p tcp -m tcp --dport 22 -j ACCEPT'],
    'everybody by rule',
  ],
  [
    'a chain that returns first',
    'DROP',
    ['-A INPUT -j c', '-A c -j RETURN', '-A c -j ACCEPT'],
    'nobody by policy',
  ],
  [
    'a chain that goes to another',
    'DROP',
    ['-A INPUT -j c', '-A c -g d', '-A c -j ACCEPT', '-A d -j LOG'],
    'nobody by policy',
  ],
  ['a chain for some', 'DROP', ['-A INPUT -s 192.0.2.1/32 -j c', '-A c -j ACCEPT'], 'some by policy'],
  [
    'fail2ban: a chain that drops some',
    'ACCEPT',
    ['-A INPUT -p tcp -m multiport --dports 22 -j c', '-A c -s 192.0.2.1/32 -j REJECT', '-A c -j RETURN'],
    'some by policy',
  ],
  [
    'a match that we do not know',
    'DROP',
    ['-A INPUT -m geoip --source-country DE -j ACCEPT'],
    'some by policy',
  ],
  [
    'our own jump',
    'DROP',
    ['-A INPUT -p tcp -m comment --comment "knockctl:ssh" -j c', '-A c -j ACCEPT'],
    'nobody by policy',
  ],
];

describe('who gets to a port', () => {
  for (const [what, policy, rules, expected] of CASES) {
    it(what, () => {
      assert.equal(who(policy, ...rules), expected);
    });
  }

  it('without a table: everybody', () => {
    assert.deepEqual(reach(undefined, 'INPUT', SSH), { who: 'everybody', by: 'policy', isAccepted: false });
    assert.deepEqual(reach(parse(''), 'INPUT', SSH), { who: 'everybody', by: 'policy', isAccepted: false });
  });

  it('a ring of chains, which no kernel takes, has an end', () => {
    assert.equal(who('DROP', '-A INPUT -j c', '-A c -j d', '-A d -j c'), 'nobody by policy');
  });
});

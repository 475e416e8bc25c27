/** Whom rules of a host let in, and what doctor says of those in front of ours. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { letIn } from '../../../src/doctor/facts/let-in.js';
import { parse } from '../../../src/iptables-parser/parse.js';
import { rules, told } from '../made-up.js';

const SSH = { protocol: 'tcp', port: 22 } as const;
const OURS = '-A INPUT -p tcp -m comment --comment "knockctl:ssh" -j ssh_policy';

function filter(...lines: readonly string[]): string[] {
  return ['*filter', ':INPUT DROP [0:0]', ':lan - [0:0]', ':ssh_policy - [0:0]', ...lines, 'COMMIT'];
}

function found(...lines: readonly string[]): ReturnType<typeof letIn> {
  return letIn(parse(`${filter(...lines).join('\n')}\n`), 'INPUT', SSH);
}

describe('whom rules let in', () => {
  const networks: readonly (readonly [string, readonly string[]])[] = [
    ['-A INPUT -s 192.168.0.0/16 -j ACCEPT', ['192.168.0.0/16']],
    ['-A INPUT -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT', ['192.0.2.7/32']],
    [
      '-A INPUT -s 192.0.2.7/32 -p tcp -m multiport --dports 80,22 -m conntrack --ctstate NEW -j ACCEPT',
      ['192.0.2.7/32'],
    ],
    ['-A INPUT -s 192.0.2.7/32 -p tcp -m tcp --dport 80 -j ACCEPT', []],
    ['-A INPUT -s 192.0.2.7/32 -p udp -j ACCEPT', []],
    ['-A INPUT -s 192.0.2.7/32 -j DROP', []],
    ['-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', []],
    ['-A INPUT -i lo -j ACCEPT', []],
    ['-A INPUT -s 10.0.0.0/8 -p tcp -j lan\n-A lan -p tcp -m tcp --dport 22 -j ACCEPT', ['10.0.0.0/8']],
    ['-A INPUT -p tcp -j lan\n-A lan -s 10.1.0.0/16 -j ACCEPT', ['10.1.0.0/16']],
    ['-A INPUT -p tcp -j DROP\n-A INPUT -s 10.1.0.0/16 -j ACCEPT', []],
  ];
  for (const [text, sources] of networks) {
    it(`${sources.join() || 'nobody'}: ${text}`, () => {
      const { everybody, ...some } = found(...text.split('\n'));
      assert.deepEqual(some, { sources, others: [] });
      assert.equal(everybody, undefined);
    });
  }

  const others = [
    '-A INPUT -i eth1 -j ACCEPT',
    '-A INPUT ! -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT',
    '-A INPUT -s 10.0.0.0/8 -i eth1 -j ACCEPT',
    '-A INPUT -m set --match-set office src -j ACCEPT',
    '-A INPUT -s 128.0.0.0/1 -j ACCEPT',
  ];
  for (const rule of others) {
    it(`some, by more than their address: ${rule}`, () => {
      assert.deepEqual(found(rule), { sources: [], others: [rule], everybody: undefined });
    });
  }

  it('everybody, after whom nobody is left', () => {
    const rule = '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT';
    assert.deepEqual(found(rule, '-A INPUT -s 10.0.0.0/8 -j ACCEPT'), {
      sources: [],
      others: [],
      everybody: rule,
    });
  });

  it('passes over what is ours, and tells what stands in front of it', () => {
    const lines = filter('-A INPUT -s 10.1.0.0/16 -j ACCEPT', OURS, '-A INPUT -s 10.2.0.0/16 -j ACCEPT');
    const table = parse(`${lines.join('\n')}\n`);
    assert.deepEqual(letIn(table, 'INPUT', SSH).sources, ['10.1.0.0/16', '10.2.0.0/16']);
    assert.deepEqual(letIn(table, 'INPUT', SSH, 'front').sources, ['10.1.0.0/16']);
    const bare = parse(`${filter('-A INPUT -s 10.1.0.0/16 -j ACCEPT').join('\n')}\n`);
    assert.deepEqual(letIn(bare, 'INPUT', SSH, 'front').sources, []);
  });
});

describe('doctor: rules in front of ours', () => {
  const with_ = (gate: string, ...lines: readonly string[]): string =>
    told({
      conf: `[service.ssh]\non_failure = hold\ngate = ${gate}\n`,
      rules: rules('nft', 4, ...filter(...lines)),
    })
      .filter((line) => line.includes('front of ours'))
      .join('\n');

  it('proposes the strict gate, and to trust whom they let in', () => {
    assert.match(
      with_('normal', '-A INPUT -s 10.1.0.0/16 -j ACCEPT', OURS),
      /^note: .*INPUT \(IPv4\) decides about tcp port 22 .*10\.1\.0\.0\/16.* gate = strict in \[service\.ssh\].* knockctl trust 10\.1\.0\.0\/16 --save/,
    );
    assert.match(
      with_('normal', '-A INPUT -p tcp -j ACCEPT', OURS),
      /-A INPUT -p tcp -j ACCEPT.*gate = strict/,
    );
    assert.equal(with_('normal', OURS, '-A INPUT -p tcp -j ACCEPT'), '');
  });

  it('says which have become useless by it', () => {
    assert.match(
      with_('strict', '-A INPUT -s 10.1.0.0/16 -j ACCEPT', OURS),
      /^note: .*opens tcp port 22 .* to nobody.* knockctl trust 10\.1\.0\.0\/16 --save/,
    );
  });
});

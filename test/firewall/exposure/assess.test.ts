import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Family } from '../../../src/base/address.js';
import { assess, type Exposure } from '../../../src/firewall/exposure/assess.js';
import type { Service } from '../../../src/firewall/model/service.js';
import { parse } from '../../../src/iptables-parser/parse.js';

const SSH: Service = {
  name: 'ssh',
  protocol: 'tcp',
  ports: [22],
  addresses: [],
  chain: 'INPUT',
  onFailure: 'hold',
};
const JUMP =
  '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 22 -m comment --comment "knockctl:ssh" -j ssh_policy';
const DOORS = '-m comment --comment "knockctl:knock.doors" -j knock.doors';

interface Given {
  readonly family?: Family;
  readonly service?: Partial<Service>;
  readonly chains?: readonly string[];
  readonly policy?: string;
}

/** Judges a filter table with these rules; `ours` stands for our jump into INPUT. */
function judged(rules: readonly string[], given: Given = {}): Exposure[] {
  const { family = 4, service = {}, chains = [], policy = 'ACCEPT' } = given;
  const text = [
    '*filter',
    `:INPUT ${policy} [0:0]`,
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':knock.doors - [0:0]',
    ':ssh_policy - [0:0]',
    ...chains.map((name) => `:${name} - [0:0]`),
    ...rules.map((rule) => (rule === 'ours' ? `-A INPUT ${JUMP}` : rule)),
    '-A ssh_policy -j DROP',
    'COMMIT',
    '',
  ].join('\n');
  const context = {
    services: [{ ...SSH, ...service }],
    family,
    backend: 'nft',
    instances: ['knock'],
  } as const;
  return assess(parse(text), { ...context, hook: 'first' });
}

/** `open everybody`: kind and sources of each. */
function short(rules: readonly string[], given: Given = {}): string[] {
  return judged(rules, given).map(({ kind, sources }) => `${kind} ${sources}`);
}

const OPEN = ['open everybody'];

describe('assess: what new connections meet before our jump', () => {
  it('says nothing of a host with our jump alone, or with rules behind it', () => {
    assert.deepEqual(judged(['ours']), []);
    assert.deepEqual(judged(['ours', '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT', '-A INPUT -j DROP']), []);
    assert.deepEqual(judged([`-A INPUT ${DOORS}`, 'ours']), []);
  });

  it('knows rules that let everybody in', () => {
    for (const rule of [
      '-A INPUT -j ACCEPT',
      '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
      '-A INPUT -p tcp -m tcp --dport 20:25 -j ACCEPT',
      '-A INPUT -p tcp -m multiport --dports 80,22 -j ACCEPT',
      '-A INPUT -p tcp -m multiport ! --dports 80,443 -j ACCEPT',
      '-A INPUT ! -p udp -j ACCEPT',
      '-A INPUT -m conntrack --ctstate NEW -j ACCEPT',
      '-A INPUT -m conntrack ! --ctstate INVALID -j ACCEPT',
      '-A INPUT -m state --state NEW,ESTABLISHED -j ACCEPT',
      '-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT',
      '-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT',
    ]) {
      assert.deepEqual(short([rule, 'ours']), OPEN, rule);
    }
    assert.deepEqual(short(['-A INPUT -p tcp -m limit --limit 1/min -j ACCEPT', 'ours']), OPEN);
    assert.deepEqual(short(['-A INPUT -i eth0 -j ACCEPT', 'ours']), ['open everybody by eth0']);
    assert.deepEqual(short(['-A INPUT ! -i eth0 -j ACCEPT', 'ours']), [
      'open everybody by other interfaces than eth0',
    ]);
    assert.deepEqual(short(['-A INPUT ! -s 192.0.2.0/24 -j ACCEPT', 'ours']), [
      'open everybody but 192.0.2.0/24',
    ]);
    assert.deepEqual(short(['-A INPUT -p tcp -m tcp --sport 53 -j ACCEPT', 'ours']), [
      'open everybody from source port 53',
    ]);
    assert.deepEqual(short(['-A INPUT -m set ! --match-set bad src -j ACCEPT', 'ours']), OPEN);
  });

  it('knows rules that let in nobody who is new, or nobody from elsewhere', () => {
    for (const rule of [
      '-A INPUT -i lo -j ACCEPT',
      '-A INPUT -s 127.0.0.0/8 -j ACCEPT',
      '-A INPUT -d 127.0.0.1/32 -j ACCEPT',
      '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A INPUT -m state --state ESTABLISHED -j ACCEPT',
      '-A INPUT -p udp -j ACCEPT',
      '-A INPUT -p icmp -j ACCEPT',
      '-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT',
      '-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT',
      '-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT',
      '-A INPUT -p tcp -m tcp --tcp-flags ACK ACK -j ACCEPT',
      '-A INPUT -m conntrack --ctstate INVALID -j DROP',
      '-A INPUT -f -j ACCEPT',
      '-A INPUT -m limit --limit 3/min -j LOG',
      '-A INPUT',
      '-A INPUT -j MARK --set-xmark 0x1/0xffffffff',
    ]) {
      assert.deepEqual(judged([rule, 'ours']), [], rule);
    }
  });

  it('names exceptions, and counts them together', () => {
    assert.deepEqual(short(['-A INPUT -s 10.0.0.0/8 -j ACCEPT', 'ours']), ['exception 10.0.0.0/8']);
    assert.deepEqual(short(['-A INPUT -s 10.0.0.0/7 -j ACCEPT', 'ours']), ['open 10.0.0.0/7']);
    const two = ['-A INPUT -s 10.0.0.0/8 -j ACCEPT', '-A INPUT -s 192.0.2.1/32 -j ACCEPT', 'ours'];
    assert.deepEqual(short(two), ['open 10.0.0.0/8', 'open 192.0.2.1']);
    const same = ['-A INPUT -s 10.1.0.0/16 -j ACCEPT', '-A INPUT -s 10.0.0.0/8 -j ACCEPT', 'ours'];
    assert.ok(short(same).every((text) => text.startsWith('exception ')));
    assert.deepEqual(short(['-A INPUT -m set --match-set office src -j ACCEPT', 'ours']), [
      'exception members of the set office',
    ]);
    assert.deepEqual(short(['-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.2 -j ACCEPT', 'ours']), [
      'exception 10.0.0.1, 10.0.0.2',
    ]);
  });

  it('counts in IPv6 by /32, and neighbours of the link as few', () => {
    const six = { family: 6 } as const;
    assert.deepEqual(short(['-A INPUT -s 2001:db8::/32 -j ACCEPT', 'ours'], six), [
      'exception 2001:db8::/32',
    ]);
    assert.deepEqual(short(['-A INPUT -s 2001:db8::/31 -j ACCEPT', 'ours'], six), ['open 2001:db8::/31']);
    assert.deepEqual(short(['-A INPUT -s fe80::/10 -j ACCEPT', 'ours'], six), ['exception fe80::/10']);
    assert.deepEqual(short(['-A INPUT -j ACCEPT', 'ours'], six), OPEN);
  });

  it('follows chains, RETURN and -g', () => {
    const chains = ['mine', 'deep'];
    const into = ['-A INPUT -p tcp -j mine', 'ours'];
    assert.deepEqual(
      short([...into, '-A mine -j deep', '-A deep -p tcp -m tcp --dport 22 -j ACCEPT'], { chains }),
      OPEN,
    );
    assert.deepEqual(judged([...into, '-A mine -j RETURN', '-A mine -j ACCEPT'], { chains }), []);
    assert.deepEqual(short([...into, '-A mine -s 10.0.0.0/8 -j RETURN', '-A mine -j ACCEPT'], { chains }), [
      'open everybody but 10.0.0.0/8',
    ]);
    assert.deepEqual(short([...into, '-A mine ! -s 10.0.0.0/8 -j RETURN', '-A mine -j ACCEPT'], { chains }), [
      'exception 10.0.0.0/8',
    ]);
    // What a goto leads to comes back behind the jump into this chain, not behind the goto.
    const goto = [...into, '-A mine -g deep', '-A mine -j ACCEPT'];
    assert.deepEqual(judged(goto, { chains }), []);
    // From a built-in chain there is nowhere to come back to: the policy decides, and our jump is passed by.
    assert.deepEqual(short(['-A INPUT -g mine', 'ours'], { chains }), OPEN);
    assert.deepEqual(short(['-A INPUT -g mine', 'ours'], { chains, policy: 'DROP' }), ['refused everybody']);
  });

  it('takes what one rule has decided about from the next', () => {
    assert.deepEqual(
      judged(['-A INPUT -p tcp -m tcp --dport 22 -j DROP', '-A INPUT -j ACCEPT', 'ours']).map(
        ({ kind }) => kind,
      ),
      ['refused'],
    );
    assert.deepEqual(short(['-A INPUT ! -s 10.0.0.0/8 -j DROP', '-A INPUT -j ACCEPT', 'ours']), [
      'refused everybody but 10.0.0.0/8',
      'exception 10.0.0.0/8',
    ]);
    assert.deepEqual(short(['-A INPUT -s 192.0.2.0/24 -j DROP', '-A INPUT -i eth0 -j ACCEPT', 'ours']), [
      'open everybody but 192.0.2.0/24 by eth0',
    ]);
    assert.deepEqual(judged(['-A INPUT -s 192.0.2.0/24 -j DROP', 'ours']), []);
    assert.deepEqual(short(['-A INPUT -i eth0 -j DROP', '-A INPUT -i eth0 -j ACCEPT', 'ours']), [
      'refused everybody by eth0',
    ]);
    assert.deepEqual(short(['-A INPUT -i eth+ -j DROP', '-A INPUT -i eth0 -j ACCEPT', 'ours']), [
      'refused everybody by eth+',
    ]);
  });

  it('says unknown of what it cannot judge, and only of that', () => {
    assert.deepEqual(short(['-A INPUT -m mark --mark 0x1 -j ACCEPT', 'ours']), ['unknown everybody']);
    assert.deepEqual(short(['-A INPUT -p tcp -j NFQUEUE --queue-num 0', 'ours']), ['unknown everybody']);
    assert.deepEqual(short(['-A INPUT -j XYZZY', 'ours']), ['unknown everybody']);
    assert.deepEqual(short(['-A INPUT -s 192.0.2.1/32 -m mark --mark 0x1 -j ACCEPT', 'ours']), [
      'exception 192.0.2.1',
    ]);
    assert.deepEqual(judged(['-A INPUT -m mark --mark 0x1 -j DROP', 'ours']), []);
    assert.deepEqual(judged(['-A INPUT -p tcp -m tcp --dport 80 -m mark --mark 0x1 -j ACCEPT', 'ours']), []);
  });

  it('knows our own jumps by comment and target, and nobody else by a comment', () => {
    assert.deepEqual(short(['-A INPUT -m comment --comment "knockctl:ssh" -j ACCEPT', 'ours']), OPEN);
    assert.deepEqual(short(['-A INPUT -m comment --comment "knockctl:knock.doors" -j ACCEPT', 'ours']), OPEN);
    const half = (not: string): string =>
      `-A INPUT ${JUMP.replace('-m comment', `-m set ${not}--match-set ssh_trial dst -m comment`)}`;
    assert.deepEqual(judged([half(''), half('! ')]), []);
  });

  it('judges a service of an address by it', () => {
    const service = { addresses: ['192.0.2.7'] };
    const ours = `-A INPUT -d 192.0.2.7/32 ${JUMP}`;
    assert.deepEqual(judged(['-A INPUT -d 192.0.2.8/32 -j ACCEPT', ours], { service }), []);
    assert.deepEqual(short(['-A INPUT -d 192.0.2.7/32 -j ACCEPT', ours], { service }), OPEN);
    assert.deepEqual(judged(['-A INPUT -j ACCEPT', 'ours'], { service, family: 6 }), []);
  });

  it('begins where packets for others do, and knows a chain that nobody leads to', () => {
    const service = { chain: 'DOCKER-USER' };
    const chains = ['DOCKER-USER'];
    const ours = `-A DOCKER-USER ${JUMP}`;
    assert.deepEqual(judged(['-A FORWARD -j DOCKER-USER', ours], { service, chains }), []);
    assert.deepEqual(
      short(['-A FORWARD -i eth0 -j ACCEPT', '-A FORWARD -j DOCKER-USER', ours], { service, chains }),
      ['open everybody by eth0'],
    );
    const [passed] = judged(['-A FORWARD -i eth0 -j DOCKER-USER', ours], { service, chains });
    assert.equal(passed?.kind, 'open');
    assert.equal(passed.rule, null);
    assert.match(passed.text, /never comes to our jump in DOCKER-USER/);
    assert.deepEqual(short([ours], { service, chains }), OPEN);
  });

  it('names the rule, and the commands that fix it', () => {
    const [one] = judged(['-A INPUT -i lo -j ACCEPT', '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT', 'ours']);
    assert.deepEqual(
      { ...one, text: undefined },
      {
        kind: 'open',
        service: 'ssh',
        family: 4,
        ports: [22],
        table: 'filter',
        chain: 'INPUT',
        number: 2,
        rule: '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
        sources: 'everybody',
        text: undefined,
        fix:
          'iptables-nft -D INPUT -p tcp -m tcp --dport 22 -j ACCEPT; to keep it, behind knockctl: ' +
          'iptables-nft -D INPUT -p tcp -m tcp --dport 22 -j ACCEPT && iptables-nft -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
      },
    );
    assert.match(
      one?.text ?? '',
      /^IPv4: rule 2 of INPUT \(.*\) lets in everybody at tcp port 22, before knockctl/,
    );
  });

  it('comes to an end with many rules, and errs towards open', () => {
    const many = Array.from({ length: 5_000 }, (_, n) => `-A INPUT -s 10.${n >> 8}.${n & 255}.1/32 -j DROP`);
    const began = process.cpuUsage().user;
    assert.deepEqual(judged([...many, 'ours']), []);
    assert.equal(short([...many, '-A INPUT -j ACCEPT', 'ours'])[0]?.startsWith('open everybody but'), true);
    const narrow = many.map((rule, n) => rule.replace('-j', `-i eth${n % 7} -j`));
    assert.equal(short([...narrow, '-A INPUT -j ACCEPT', 'ours'])[0]?.startsWith('open everybody'), true);
    assert.ok(process.cpuUsage().user - began < 20_000_000, 'not in seconds of computing');
  });
});

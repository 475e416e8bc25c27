import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Service } from '../../../src/firewall/model/service.js';
import type { Readable } from '../../../src/firewall/model/readable.js';
import { expandTemplate, type DesiredService } from '../../../src/firewall/rules/template.js';
import { SERVICE } from '../../helpers/kernel-space.js';
import { shippedTemplate } from '../../helpers/template.js';

const SHIPPED = shippedTemplate();

/** The contract of interface.md, "Chains and sets", as text. */
function contract(more: {
  readonly jump: string;
  readonly policy: readonly string[];
  readonly family?: 4 | 6;
  readonly protocol?: 'udp';
  /** Behind the jump. */
  readonly hidden?: readonly string[];
}): string[] {
  const v = more.family ?? 4;
  return [
    more.jump,
    ...(more.hidden ?? []),
    ...(more.protocol === 'udp' ? [] : [`-A INPUT ${STRAY}`]),
    `-A ssh_banned -m set --match-set ssh_banned${v} src -j DROP`,
    `-A ssh_decoyed -m set --match-set ssh_decoyed${v} src -j DROP`,
    `-A ssh_filter -m set --match-set ssh_granted${v} src -j ACCEPT`,
    `-A ssh_filter -m set --match-set ssh_filter${v} src -j ACCEPT`,
    ...(v === 6 ? MISREAD : []),
    `-A ssh_hidden ! -p ${more.protocol ?? 'tcp'} -j RETURN`,
    '-A ssh_hidden -j DROP',
    ...more.policy.map((rule) => `-A ssh_policy ${rule}`),
    '-A ssh_reassemble -m socket -j RETURN',
    ...(more.protocol === 'udp' ? ['-A ssh_reassemble -m conntrack --ctstate INVALID -j RETURN'] : []),
    ...(more.protocol === 'udp' ? [] : ['-A ssh_stray -m socket -j RETURN']),
    '-A ssh_stray -g ssh_policy',
    `-A ssh_trusted -m set --match-set ssh_trusted${v} src -j ACCEPT`,
  ];
}

const TCP = '! -i lo -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN';
const END = '-m multiport --dports 22 -m comment --comment "knockctl:ssh" -j ssh_policy';
const HIDDEN = '-m comment --comment "knockctl:hidden:ssh" -j';
const STRAY = `! -i lo -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 22 ${HIDDEN} ssh_stray`;
const FRAGMENT = `-m frag --fragfirst ${HIDDEN} ssh_hidden`;
const HEADERS = `-m u32 --u32 "0x4>>0x8&0xff=0x0,0x2b,0x3c" ${HIDDEN} ssh_headers`;
const MISREAD = [
  '0x28>>0x18=0x1:0x2a,0x2c:0x3b,0x3d:0xff&&0x28>>0xd&0x7f8@0x30>>0x18=0x6,0x11,0x2b,0x2c,0x33,0x3c',
  '0x28>>0x18=0x0,0x2b,0x3c&&0x28>>0xd&0x7f8@0x30>>0x18=0x1:0x2a,0x2c:0x3b,0x3d:0xff&&0x28>>0xd&0x7f8@0x30>>0xd&0x7f8@0x38>>0x18=0x6,0x11,0x2b,0x2c,0x33,0x3c',
  '0x28>>0x18=0x0,0x2b,0x3c&&0x28>>0xd&0x7f8@0x30>>0x18=0x0,0x2b,0x3c',
].map((tests) => `-A ssh_headers -m u32 --u32 "${tests}" -j DROP`);
const [BANNED, TRUSTED, DROP] = ['-j ssh_banned', '-j ssh_trusted', '-j DROP'];
const FILTER = ['-j ssh_filter', '-j ssh_decoyed'];
const LOG = '-m limit --limit 6/min -j LOG --log-prefix "[knockctl,drop] "';
const ALIVE = '-m set ! --match-set ssh_alive dst -j';

function expanded(
  more: Partial<Service> = {},
  family: 4 | 6 = 4,
  log: string | undefined = '6/min',
): string[] {
  return linesOf(expandTemplate(SHIPPED, { ...SERVICE, ...more }, family, log));
}

function linesOf({ jumps, chains }: DesiredService): string[] {
  const rules = [...chains].flatMap(([chain, specs]) => specs.map((spec) => `-A ${chain} ${spec}`));
  return [...jumps.map(({ chain, rule }) => `-A ${chain} ${rule}`), ...rules];
}

describe('the shipped template is the contract', () => {
  const policy = [BANNED, TRUSTED, ...FILTER, `${ALIVE} RETURN`, LOG, DROP];
  const jump = `-A INPUT ${TCP} ${END}`;

  it('for TCP', () => {
    assert.deepEqual(expanded(), contract({ jump, policy }));
  });
  it('for IPv6', () => {
    assert.deepEqual(
      expanded({}, 6),
      contract({
        jump,
        policy,
        family: 6,
        hidden: [`-A INPUT ! -i lo ${FRAGMENT}`, `-A INPUT ! -i lo ${HEADERS}`],
      }),
    );
  });
  it('for UDP', () => {
    assert.deepEqual(
      expanded({ protocol: 'udp' }),
      contract({
        jump: `-A INPUT ! -i lo -p udp -m conntrack ! --ctstate RELATED,ESTABLISHED ${END}`,
        policy,
        protocol: 'udp',
      }),
    );
  });
  it('for several ports, in the order written', () => {
    const [first] = expanded({ ports: [2222, 22] });
    assert.equal(first, jump.replace('--dports 22', '--dports 2222,22'));
  });
  it('on_failure = flush', () => {
    const flushed = [BANNED, TRUSTED, ...FILTER, `${ALIVE} ACCEPT`, LOG, DROP];
    assert.deepEqual(expanded({ onFailure: 'flush' }), contract({ jump, policy: flushed }));
  });
  it('on_failure = hold', () => {
    const held = [BANNED, TRUSTED, ...FILTER, LOG, DROP];
    assert.deepEqual(expanded({ onFailure: 'hold' }), contract({ jump, policy: held }));
  });
  it('log = no', () => {
    const silent = [BANNED, TRUSTED, ...FILTER, `${ALIVE} RETURN`, DROP];
    const service = expandTemplate(SHIPPED, SERVICE, 4, undefined);
    assert.deepEqual(linesOf(service), contract({ jump, policy: silent }));
  });
  it('with an address, of this family', () => {
    const addresses = ['192.0.2.1', '2001:db8::/64'];
    assert.equal(expanded({ addresses })[0], `-A INPUT -d 192.0.2.1/32 ${TCP} ${END}`);
    assert.deepEqual(expanded({ addresses }, 6).slice(0, 5), [
      `-A INPUT -d 2001:db8::/64 ${TCP} ${END}`,
      `-A INPUT -d 2001:db8::/64 ! -i lo ${FRAGMENT}`,
      `-A INPUT -d 2001:db8::/64 ! -i lo ${HEADERS}`,
      `-A INPUT -d 2001:db8::/64 ${STRAY}`,
      `-A INPUT ! -i lo -p tcp -m rt --rt-segsleft 1:4294967295 -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 22 ${HIDDEN} ssh_policy`,
    ]);
  });
  it('with an address of the other family: no jump, the chains all the same', () => {
    const service = expandTemplate(SHIPPED, { ...SERVICE, addresses: ['2001:db8::1'] }, 4, '6/min');
    assert.deepEqual(service.jumps, []);
    assert.deepEqual(
      [...service.chains.keys()],
      [
        'ssh_banned',
        'ssh_decoyed',
        'ssh_filter',
        'ssh_headers',
        'ssh_hidden',
        'ssh_policy',
        'ssh_reassemble',
        'ssh_stray',
        'ssh_trusted',
      ],
    );
  });
  it('in a chain of forwarded packets IPv4 is not always reassembled', () => {
    assert.equal(expanded({ chain: 'FORWARD' })[1], `-A FORWARD ! -i lo -p tcp -f ${HIDDEN} ssh_hidden`);
  });
  it('strays pass where the kernel cannot be asked for their socket, or if they are to', () => {
    const strays = (more: Partial<Service>): string[] =>
      expanded(more).filter((line) => line.includes('! --tcp-flags'));
    assert.equal(strays({}).length, 1);
    for (const more of [
      { chain: 'FORWARD' },
      { chain: 'OWN' },
      { strays: 'pass' },
      { protocol: 'udp' },
    ] as const)
      assert.deepEqual(strays(more), []);
  });
  it('in OUTPUT, where iptables refuses -i', () => {
    assert.doesNotMatch(expanded({ chain: 'OUTPUT' })[0] ?? '', /-i lo/);
  });
  it('with what a kernel has instead, or without', () => {
    const less = (readable: Readable): string[] =>
      linesOf(expandTemplate(SHIPPED, { ...SERVICE, addresses: ['2001:db8::1'] }, 6, '6/min', readable));
    const some = less({ reassemble: 'conntrack', fragment: false, routed: false, headers: false });
    assert.ok(some.includes('-A ssh_reassemble -m conntrack --ctstate INVALID -j RETURN'));
    assert.equal(some.filter((line) => line.includes('knockctl:')).length, 1);
    const none = less({ reassemble: undefined, fragment: false, routed: false, headers: false });
    assert.deepEqual(
      none.filter((line) => line.startsWith('-A ssh_reassemble')),
      [],
    );
  });
  it('in another chain, under another name', () => {
    const {
      jumps: [other],
    } = expandTemplate(SHIPPED, { ...SERVICE, name: 'w-3_b', chain: 'DOCKER-USER' }, 4, '6/min');
    assert.equal(other?.chain, 'DOCKER-USER');
    assert.match(other.rule, /--comment "knockctl:w-3_b" -j w-3_b_policy$/);
  });
  it('the chains of the longest name are short enough', () => {
    assert.ok(expandTemplate(SHIPPED, { ...SERVICE, name: 'a'.repeat(16) }, 4, '6/min').chains.size === 9);
  });
});

/** Rules of others at random, before and behind our jump, for who gets in by them. */
import type { Family } from '../../../src/base/address.js';
import { ADDRESS } from '../../helpers/lab.js';

/** Gives a number from 0 to below `below`. */
export type Dice = (below: number) => number;

/** Further addresses of the clients, so that rules of sources have something to tell apart. */
export const MORE: Readonly<Record<Family, readonly string[]>> = {
  4: ['10.77.1.3', '10.77.1.66'],
  6: ['fd77:1::3', 'fd77:1::4:0'],
};

const NETWORKS: Readonly<Record<Family, readonly string[]>> = {
  4: [
    ...['10.77.1.2', '10.77.1.3', '10.77.2.2', '10.77.1.0/24', '10.77.1.0/26', '10.77.2.0/24', '10.0.0.0/8'],
    ...['10.0.0.0/7', '0.0.0.0/1', '128.0.0.0/1', '192.0.2.0/24', '127.0.0.0/8'],
  ],
  6: [
    ...['fd77:1::2', 'fd77:1::3', 'fd77:2::2', 'fd77:1::/64', 'fd77:1::/112', 'fd77:2::/64', 'fd77::/16'],
    ...['fc00::/7', '::/1', '8000::/1', '2001:db8::/32', 'fe80::/10'],
  ],
};

const CHAINS = ['one', 'two', 'three'];

/** A filter table, from `*filter` on, with `ours` in the middle of INPUT. */
export function randomTable(roll: Dice, family: Family, ours: string): string {
  const pick = <T>(list: readonly T[]): T => list[roll(list.length)] as T;
  const condition = (): string => pick(CONDITIONS)(roll, family);
  const rule = (chain: string, targets: readonly string[]): string => {
    const conditions = new Set(
      Array.from({ length: roll(8) === 0 ? 0 : 1 + roll(2) }, condition).filter((text) => text !== ''),
    );
    // Two of a kind cannot stand in one rule.
    const kinds = new Map([...conditions].map((text) => [kindOf(text), text]));
    const needsTcp = [...kinds.values()].some((text) => /--(?:dport|sport|tcp-flags|dports)/.test(text));
    if (needsTcp) kinds.delete('-p');
    // An option belongs to the match before it: those of tcp itself come first.
    const inOrder = [...kinds.values()].sort(
      (a, b) => Number(a.startsWith('-m')) - Number(b.startsWith('-m')),
    );
    const words = needsTcp ? ['-p tcp', ...inOrder] : inOrder;
    return ['-A', chain, ...words, pick(targets)].join(' ');
  };
  const lines: string[] = [];
  const ends = ['-j ACCEPT', '-j ACCEPT', '-j DROP', '-j REJECT', '-j RETURN', '-j LOG', ''];
  for (const [index, chain] of CHAINS.entries()) {
    // Only to chains behind it, so that there is no loop.
    const others = CHAINS.slice(index + 1).flatMap((name) => [`-j ${name}`, `-g ${name}`]);
    for (let n = roll(4); n > 0; n -= 1) lines.push(rule(chain, [...ends, ...others]));
  }
  const all = [
    ...ends,
    ...CHAINS.map((name) => `-j ${name}`),
    ...CHAINS.map((name) => `-j ${name}`),
    '-g one',
  ];
  const some = (most: number): string[] => Array.from({ length: roll(most) }, () => rule('INPUT', all));
  const input = [...some(5), `-A INPUT ${ours}`, ...some(3)];
  const policy = roll(4) === 0 ? 'DROP' : 'ACCEPT';
  const heads = [`:INPUT ${policy} [0:0]`, ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]'];
  const own = [...CHAINS, 'ssh_policy'].map((name) => `:${name} - [0:0]`);
  return ['*filter', ...heads, ...own, ...input, ...lines, '-A ssh_policy -j DROP', 'COMMIT', ''].join('\n');
}

type Make = (roll: Dice, family: Family) => string;

const not = (roll: Dice): string => (roll(3) === 0 ? '! ' : '');
const of = (roll: Dice, list: readonly string[]): string => list[roll(list.length)] ?? '';

/** Those that matter most stand there twice. */
const CONDITIONS: readonly Make[] = [
  (roll, family) => `${not(roll)}-s ${of(roll, NETWORKS[family])}`,
  (roll, family) => `${not(roll)}-s ${of(roll, NETWORKS[family])}`,
  (roll, family) => `${not(roll)}-d ${of(roll, [ADDRESS.server[family], ADDRESS.server2[family]])}`,
  (roll) => `${not(roll)}-i ${of(roll, ['eth0', 'eth1', 'eth+', 'lo', 'wg0'])}`,
  (roll) => `${not(roll)}-i ${of(roll, ['eth0', 'eth1', 'eth+'])}`,
  (roll) => `${not(roll)}--dport ${of(roll, ['22', '22', '80', '1:100', '23:1000'])}`,
  (roll) => `-m multiport ${not(roll)}--dports ${of(roll, ['22', '22,80', '80,443', '20:25,80'])}`,
  (roll) => `${not(roll)}--sport ${of(roll, ['53', '1:1023', '1024:65535'])}`,
  (roll) => `-m conntrack ${not(roll)}--ctstate ${of(roll, STATES)}`,
  (roll) => `-m state --state ${of(roll, STATES)}`,
  (roll) =>
    `${not(roll)}--tcp-flags ${of(roll, ['FIN,SYN,RST,ACK SYN', 'SYN SYN', 'ACK ACK', 'SYN,ACK NONE'])}`,
  (roll) => `-m addrtype ${not(roll)}--dst-type ${of(roll, ['LOCAL', 'MULTICAST'])}`,
  (roll, family) => `-m iprange ${not(roll)}--src-range ${of(roll, RANGES[family])}`,
  (roll) => `-m comment --comment "no ${roll(9)} of knockctl:ssh"`,
  () => '-p tcp',
  (roll) => of(roll, ['-p udp', '! -p udp', '-m mark --mark 0x1', '']),
];

const STATES = ['NEW', 'ESTABLISHED,RELATED', 'NEW,ESTABLISHED', 'INVALID'];
const RANGES: Readonly<Record<Family, readonly string[]>> = {
  4: ['10.77.1.2-10.77.1.3', '10.77.1.3-10.77.2.2', '192.0.2.1-192.0.2.9'],
  6: ['fd77:1::2-fd77:1::3', 'fd77:1::3-fd77:2::2', '2001:db8::1-2001:db8::9'],
};

function kindOf(text: string): string {
  if (/^(?:! )?-p/.test(text)) return '-p';
  return /-[sdi] |--?[a-z-]+/.exec(text.replace(/^! /, '').replace(/^-m \S+ (?:! )?/, ''))?.[0] ?? text;
}

/**
 * What nft(8) lets a neighbour put into a table of iptables, by its own grammar (nft 1.0.6): statements and matches in rules, chains,
 * sets, maps, objects, flowtables, flags. None of it accepts what is new at port 22 in front of everybody.
 */
import type { Family } from '../../../src/base/address.js';

/** iptables' own tables, and the chains that each has at a hook. */
export const TABLES = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
} as const;
export type TableName = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[];

/** One kind of thing, as lines for `nft -f`, which `made` fills in. */
export interface Kind {
  readonly name: string;
  /** Lines with `@T`: family and table, `@C`: a chain of iptables, `@A` and `@N`: an address and a network, `@IP`: ip or ip6. */
  readonly lines: readonly string[];
}

/** A place for a kind. */
export interface Foreign {
  readonly family: Family;
  readonly table: TableName;
  readonly kind: Kind;
}

const rule = (name: string, text: string, ...before: readonly string[]): Kind => ({
  name,
  lines: [...before, `insert rule @T @C ${text}`],
});
const thing = (name: string, ...lines: readonly string[]): Kind => ({ name, lines });

const MATCHES: readonly Kind[] = [
  rule('ct state', 'ct state established,related accept'),
  rule('ct state vmap', 'ct state vmap { established : accept, related : accept, invalid : drop }'),
  rule('ct status', 'ct status dnat accept'),
  rule('ct mark', 'ct mark 0x10 accept'),
  rule('ct direction', 'ct direction reply accept'),
  rule('ct original', 'ct original proto-dst 9 accept'),
  rule('ct bytes', 'tcp dport 9 ct bytes > 100000 drop'),
  rule('ct zone', 'ct zone 7 drop'),
  rule('ct helper match', 'ct helper "ftp" accept'),
  rule('ct count', 'tcp dport 9 ct count over 20 drop'),
  rule('interfaces in a set', 'iifname { "eth5", "wg*" } accept'),
  rule('interface group', 'iifgroup 7 accept'),
  rule('interface type', 'iiftype ppp accept'),
  rule('network, native', '@IP saddr @N accept'),
  rule('addresses in a set', '@IP saddr { @A } accept'),
  rule('a named set', '@IP saddr @foreign accept', 'add set @T foreign { type @AT ; flags interval ; }'),
  rule('not in a named set', 'tcp dport 9 @IP saddr != @foreign drop', 'add set @T foreign { type @AT ; }'),
  rule('ports in a set', 'tcp dport { 9, 10 } accept'),
  rule('a range of ports', 'tcp dport 1000-2000 drop'),
  rule('concatenation', '@IP saddr . tcp dport { @A . 9 } accept'),
  rule('verdict map', 'tcp dport vmap { 9 : accept, 10 : drop }'),
  rule('header field and mask', 'tcp flags & (fin | syn) == fin | syn drop'),
  rule('raw payload', '@th,16,16 9 drop'),
  rule('bits of the network header', '@nh,0,8 0 drop'),
  rule('meta length', 'meta length > 60000 drop'),
  rule('meta protocols', 'meta l4proto { sctp, dccp } drop'),
  rule('meta mark match', 'meta mark & 0xff0000 == 0x420000 accept'),
  rule('meta cpu', 'tcp dport 9 meta cpu 0 drop'),
  rule('meta time', 'tcp dport 9 meta day "Sunday" drop'),
  rule('meta skuid', 'meta skuid 12345 accept'),
  rule('meta cgroup', 'meta cgroup 1048577 accept'),
  rule('random', 'tcp dport 9 numgen random mod 2 0 drop'),
  rule('hash', 'tcp dport 9 jhash @IP saddr mod 2 seed 0xdeadbeef 1 drop'),
  rule('symmetric hash', 'tcp dport 9 symhash mod 2 1 drop'),
  rule('fib type', 'fib daddr type broadcast drop'),
  rule('fib path', 'tcp dport 9 fib saddr . iif oif missing drop'),
  rule('route', 'rt classid 7 accept'),
  rule('socket', 'tcp dport 9 socket transparent 1 accept'),
  rule('socket mark', 'tcp dport 9 socket mark 7 accept'),
  rule('ipsec', 'ipsec in reqid 7 accept'),
  rule('tcp option', 'tcp dport 9 tcp option maxseg size < 500 drop'),
  rule('udp length', 'udp length > 60000 drop'),
  rule('sctp chunk', 'sctp chunk init exists drop'),
  rule('dccp', 'dccp type request drop'),
  rule('icmp by name', 'icmp type echo-request accept'),
  rule('icmpv6 by name', 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept'),
  rule('extension header', 'exthdr hbh exists drop'),
  rule('ip option', 'ip option lsrr exists drop'),
  rule('ether address', 'ether saddr 02:00:00:00:00:07 accept'),
  rule('os fingerprint', 'tcp dport 9 osf name "Linux" accept'),
];

const STATEMENTS: readonly Kind[] = [
  rule('meta mark set', 'meta mark set 0x1234'),
  rule('ct mark set', 'ct mark set meta mark'),
  rule('meta priority set', 'meta priority set 1:2'),
  rule('nftrace', 'tcp dport 9 meta nftrace set 1'),
  rule('field set', '@IP @DSCP set cs1'),
  rule('mss set', 'tcp dport 9 tcp flags syn tcp option maxseg size set rt mtu'),
  rule('ct label', 'ct label set 5'),
  rule('ct event', 'ct event set new'),
  rule('counter alone', 'counter'),
  rule('log', 'tcp dport 9 log prefix "foreign " level warn flags all'),
  rule('log to a group', 'tcp dport 9 log group 7 snaplen 64 queue-threshold 5'),
  rule('limit', 'tcp dport 9 limit rate 10/minute burst 5 packets accept'),
  rule('limit over bytes', 'tcp dport 9 limit rate over 1 mbytes/second drop'),
  rule('quota', 'tcp dport 9 quota over 25 mbytes drop'),
  rule('reject', 'tcp dport 9 reject with tcp reset'),
  rule('reject icmpx', 'tcp dport 9 reject with icmpx type admin-prohibited'),
  rule('queue', 'tcp dport 9 queue num 7 bypass'),
  rule('queue fanout', 'tcp dport 9 queue flags bypass,fanout to 7-8'),
  rule('notrack', 'tcp dport 9 notrack'),
  rule('dup', 'tcp dport 9 dup to @A'),
  rule('synproxy', 'tcp dport 9 synproxy mss 1460 wscale 7 timestamp sack-perm'),
  rule('comment of nft', 'tcp dport 9 accept comment "knockctl is not mine"'),
  rule('verdict continue', 'tcp dport 9 continue'),
  rule('verdict return', 'tcp dport 9 return'),
  rule('jump', 'tcp dport 9 jump foreign', 'add chain @T foreign'),
  rule('goto', 'tcp dport 9 goto foreign', 'add chain @T foreign', 'add rule @T foreign ct state new drop'),
  rule('anonymous chain', 'tcp dport 9 jump { counter ; drop ; }'),
  rule('masquerade', 'tcp dport 9 masquerade random'),
  rule('snat', 'tcp dport 9 snat to @A'),
  rule('dnat', 'tcp dport 9 dnat to @A'),
  rule('redirect', 'tcp dport 9 redirect to :10'),
  rule('tproxy', 'tcp dport 9 tproxy to :10'),
  rule(
    'add to a set',
    'tcp dport 9 add @seen { @IP saddr timeout 1m }',
    'add set @T seen { type @AT ; flags dynamic,timeout ; size 9 ; }',
  ),
  rule(
    'meter',
    'tcp dport 9 update @seen { @IP saddr limit rate 5/second } accept',
    'add set @T seen { type @AT ; flags dynamic ; size 9 ; }',
  ),
  rule(
    'count in a set',
    'tcp dport 9 add @seen { @IP saddr ct count over 3 } drop',
    'add set @T seen { type @AT ; flags dynamic ; size 9 ; }',
  ),
  rule('counter by name', 'tcp dport 9 counter name "told"', 'add counter @T told'),
  rule('quota by name', 'tcp dport 9 quota name "told" drop', 'add quota @T told { over 5 mbytes ; }'),
  rule('limit by name', 'tcp dport 9 limit name "told" drop', 'add limit @T told { rate 5/second ; }'),
  rule(
    'ct helper by name',
    'tcp dport 9 ct helper set "told"',
    'add ct helper @T told { type "ftp" protocol tcp ; }',
  ),
  rule('object map', 'tcp dport 9 counter name tcp dport map { 9 : "told" }', 'add counter @T told'),
  rule(
    'flow offload',
    'tcp dport 9 flow add @fast',
    'add flowtable @T fast { hook ingress priority 0 ; devices = { lo } ; }',
  ),
];

const THINGS: readonly Kind[] = [
  thing('set', 'add set @T things { type @AT ; }'),
  thing(
    'set with elements',
    'add set @T things { type inet_service ; flags interval ; elements = { 9, 20-30 } ; }',
  ),
  thing(
    'set with time-outs',
    'add set @T things { type @AT ; flags timeout ; timeout 1h ; gc-interval 1m ; }',
  ),
  thing('set of a typeof', 'add set @T things { typeof @IP saddr . tcp dport ; }'),
  thing('set with counters', 'add set @T things { type @AT ; counter ; }'),
  thing('map', 'add map @T things { type inet_service : @AT ; }'),
  thing(
    'verdict map by name',
    'add map @T things { type inet_service : verdict ; elements = { 9 : drop } ; }',
  ),
  thing('mark map', 'add map @T things { type @AT : mark ; flags interval ; }'),
  thing('counter object', 'add counter @T things'),
  thing('quota object', 'add quota @T things { over 5 mbytes ; }'),
  thing('limit object', 'add limit @T things { rate 5/second ; }'),
  thing('ct helper object', 'add ct helper @T things { type "ftp" protocol tcp ; }'),
  thing('ct timeout object', 'add ct timeout @T things { protocol tcp ; policy = { established : 100 } ; }'),
  thing(
    'ct expectation object',
    'add ct expectation @T things { protocol tcp ; dport 9 ; timeout 1m ; size 5 ; }',
  ),
  thing('synproxy object', 'add synproxy @T things { mss 1460 ; wscale 7 ; }'),
  thing('flowtable', 'add flowtable @T things { hook ingress priority 0 ; devices = { lo } ; }'),
  thing('chain', 'add chain @T things', 'add rule @T things ct state new drop'),
  thing(
    'chain with a name of its own kind',
    'add chain @T Things-1.of_them',
    'add rule @T Things-1.of_them drop',
  ),
  thing(
    'base chain at another priority',
    'add chain @T things { type filter hook input priority -7 ; }',
    'add rule @T things tcp dport 9 drop',
  ),
  thing(
    'base chain at its hook twice',
    'add chain @T input { type filter hook input priority 0 ; policy accept ; }',
  ),
  thing('base chain of type nat', 'add chain @T things { type nat hook prerouting priority -90 ; }'),
  thing('base chain of type route', 'add chain @T things { type route hook output priority -140 ; }'),
  thing('comment of a table', 'add table @T { comment "foreign" ; }'),
];

export const KINDS: readonly Kind[] = [...MATCHES, ...STATEMENTS, ...THINGS];

/** Lines for `nft -f` that put it in; chains of iptables must be there. */
export function made({ family, table, kind }: Foreign, chain: string): string {
  const words: Readonly<Record<string, string>> = {
    '@T': `${family === 4 ? 'ip' : 'ip6'} ${table}`,
    '@C': chain,
    '@AT': family === 4 ? 'ipv4_addr' : 'ipv6_addr',
    '@DSCP': 'dscp',
    '@IP': family === 4 ? 'ip' : 'ip6',
    '@A': family === 4 ? '192.0.2.7' : '2001:db8::7',
    '@N': family === 4 ? '192.0.2.0/24' : '2001:db8::/32',
  };
  const fill = (line: string): string =>
    line.replaceAll(/@(?:T|C|AT|DSCP|IP|A|N)\b/g, (word) => words[word] ?? word);
  return kind.lines.map((line) => `${fill(line)}\n`).join('');
}

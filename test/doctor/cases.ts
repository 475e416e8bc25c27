import type { Finding } from '../../src/wire/reports.js';
import { DOOR, SSH, type HostSetting } from './host.js';

/** A host with one thing wrong, and what is said of it. */
export interface Case {
  readonly what: string;
  readonly host: HostSetting;
  readonly level: Finding['level'];
  readonly text: RegExp;
  readonly fix: RegExp;
}

/** An address of IPv6 that others reach. */
export const REACHED_BY_IPV6 = [
  'ip link add d0 type veth peer name d1',
  'ip link set d0 up',
  'ip link set d1 up',
  'ip addr add 2001:db8::7/64 dev d0 nodad',
];
/** Hosts with one thing wrong, and what is said of it. */
export const CASES: readonly Case[] = [
  {
    what: 'INPUT drops, with no other way in, under restore',
    host: { conf: '[service.ssh]\non_failure = restore\n', rules: ['iptables-nft -P INPUT DROP'] },
    level: 'danger',
    text: /tcp port 22 .*on_failure = restore.* let nobody in \(IPv4\)/,
    fix: /on_failure = hold/,
  },
  {
    what: 'the same for IPv6, with somebody trusted',
    host: {
      conf: '[service.ssh]\non_failure = restore\n',
      trusted: '192.0.2.1\n',
      rules: ['ip6tables-nft -A INPUT -j REJECT'],
    },
    level: 'warning',
    text: /let nobody in \(IPv6\)/,
    fix: /on_failure = hold/,
  },
  {
    what: 'rules in the other back end that shut the port',
    host: {
      conf: `[firewall]\nbackend = nft\n${SSH}`,
      rules: [
        'iptables-nft -A INPUT -s 192.0.2.9 -j DROP',
        'iptables-legacy -A INPUT -p tcp --dport 22 -j DROP',
      ],
    },
    level: 'danger',
    text: /tcp port 22 .* is closed by rules of iptables-legacy \(IPv4\), while knockctl's rules are in iptables-nft/,
    fix: /backend = legacy/,
  },
  {
    what: 'rules in both back ends',
    host: {
      conf: SSH,
      rules: ['iptables-nft -A INPUT -s 192.0.2.9 -j DROP', 'iptables-legacy -A INPUT -s 192.0.2.9 -j DROP'],
    },
    level: 'warning',
    text: /both iptables back ends/,
    fix: /“Two back ends” in docs\/neighbours\.md/,
  },
  {
    what: 'a port that Docker publishes',
    host: {
      conf: SSH,
      rules: [
        'iptables-nft -t nat -N DOCKER',
        'iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
        'iptables-nft -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 22 -j DNAT --to-destination 172.17.0.2:22',
      ],
    },
    level: 'danger',
    text: /tcp port 22 .* is forwarded elsewhere/,
    fix: /chain = DOCKER-USER/,
  },
  {
    what: 'a rule in front of ours that lets everybody in',
    host: {
      conf: `[firewall]\nhook = last\n${SSH}`,
      rules: ['iptables-nft -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'],
    },
    level: 'danger',
    text: /accepts tcp port 22 .* from everybody \(IPv4\)/,
    fix: /hook = first/,
  },
  {
    what: "somebody else's chain that is not there",
    host: { conf: `${SSH}chain = DOCKER-USER\n` },
    level: 'danger',
    text: /chain DOCKER-USER of service ssh does not exist \(IPv4 and IPv6\)/,
    fix: /systemctl start docker/,
  },
  {
    what: 'such a chain that is there for one family only',
    host: { conf: `${SSH}chain = DOCKER-USER\n`, rules: ['iptables-nft -N DOCKER-USER'] },
    level: 'warning',
    text: /chain DOCKER-USER of service ssh does not exist \(IPv6\)/,
    fix: /docker-proxy, which passes INPUT/,
  },
  {
    what: 'IPv6 that can be reached and is not protected',
    host: {
      conf: `[firewall]\nfamilies = ipv4\n${SSH}`,
      rules: REACHED_BY_IPV6,
    },
    level: 'note',
    text: /has IPv6 addresses \(2001:db8::7\), and families/,
    fix: /families = ipv4, ipv6/,
  },
  {
    what: 'hold with nobody to get in',
    host: { conf: SSH, doors: DOOR.replace('knockctl accept %IP%', '/bin/true') },
    level: 'danger',
    text: /on_failure = hold, but no trusted address and no kernel door/,
    fix: /knockctl trust/,
  },
  {
    what: 'doors in the kernel without hold',
    host: { conf: '[service.ssh]\n' },
    level: 'note',
    text: /kernel doors, and on_failure = restore/,
    fix: /on_failure = hold/,
  },
  {
    what: 'an error in a file',
    host: { conf: '[service.ssh]\nports = 99999\n' },
    level: 'danger',
    text: /knockctl\.conf:8: .*99999/,
    fix: /fix that line/,
  },
];

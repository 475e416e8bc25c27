import { REACHED_BY_IPV6, type Case } from './cases.js';
import { DOOR, listenAt, SSH } from './host.js';

/** A chain of nft at the hook input that drops. */
const nftDrop = (table: string): string[] => [
  `nft add table ${table}`,
  `nft add chain ${table} input { type filter hook input priority 0 ; policy drop ; }`,
];

/** More of them: what decides besides iptables' filter table, and what the files name. */
export const MORE_CASES: readonly Case[] = [
  {
    what: 'the same, with somebody who listens there',
    host: {
      conf: `[firewall]\nfamilies = ipv4\n${SSH}`,
      rules: REACHED_BY_IPV6,
      listener: listenAt(22, '::'),
    },
    level: 'danger',
    text: /has IPv6 addresses \(2001:db8::7\), and families/,
    fix: /families = ipv4, ipv6/,
  },
  {
    what: 'the same, with somebody who listens at the loopback alone',
    host: {
      conf: `[firewall]\nfamilies = ipv4\n${SSH}`,
      rules: REACHED_BY_IPV6,
      listener: listenAt(22, '::1'),
    },
    level: 'note',
    text: /has IPv6 addresses \(2001:db8::7\), and families/,
    fix: /families = ipv4, ipv6/,
  },
  {
    what: 'a service that nobody gets into',
    host: { conf: '[service.ssh]\non_failure = flush\n', doors: '' },
    level: 'danger',
    text: /nobody can get into service ssh/,
    fix: /knockctl accept %IP% --service ssh/,
  },
  {
    what: 'that there is no service',
    host: { doors: DOOR.replace('knockctl accept %IP%', '/bin/true') },
    level: 'note',
    text: /there is no \[service\]/,
    fix: /\[service\.ssh\]/,
  },
  {
    what: 'somebody who listens elsewhere than the service is',
    host: { conf: `${SSH}ports = 2222\n`, listener: listenAt(22, '0.0.0.0') },
    level: 'warning',
    text: /nobody listens at tcp port 2222/,
    fix: /ports in \[service\.ssh\]/,
  },
  {
    what: 'a session by a port that no service protects',
    host: { conf: SSH, session: '192.0.2.9 40000 192.0.2.1 2200' },
    level: 'warning',
    text: /the port of your own session \(tcp 2200 of 192\.0\.2\.1\) is not protected/,
    fix: /ports = 2200/,
  },
  {
    what: 'a table of nft that drops, and accepts nobody at the port',
    host: {
      conf: SSH,
      rules: [...nftDrop('inet filter'), 'nft add rule inet filter input tcp dport 80 accept'],
    },
    level: 'danger',
    text: /the table inet filter of nft refuses .* no rule that accepts tcp port 22 .*\(IPv4 and IPv6\)/,
    fix: /tcp dport 22 accept/,
  },
  {
    what: 'one that accepts the port',
    host: {
      conf: SSH,
      rules: [...nftDrop('inet filter'), 'nft add rule inet filter input tcp dport { 22, 80 } accept'],
    },
    level: 'note',
    text: /the table inet filter of nft refuses .* may accept tcp port 22/,
    fix: /^$/,
  },
  {
    what: 'rules that iptables cannot show',
    host: { conf: SSH, rules: nftDrop('ip filter') },
    level: 'note',
    text: /the rules of iptables-nft could not all be read: Table `filter' .* incompatible/,
    fix: /^$/,
  },
  {
    what: 'and that they are there all the same',
    host: { conf: SSH, rules: nftDrop('ip filter') },
    level: 'danger',
    text: /the table ip filter of nft refuses .* \(IPv4\)/,
    fix: /tcp dport 22 accept/,
  },
  {
    what: 'a rule in front of ours that lets some in',
    host: {
      conf: `[firewall]\nhook = last\n${SSH}`,
      rules: ['iptables-nft -A INPUT -i eth0 -j ACCEPT'],
    },
    level: 'warning',
    text: /accepts tcp port 22 .* from some \(IPv4\)/,
    fix: /hook = first/,
  },
  {
    what: 'a range of ports that is sent on',
    host: {
      conf: SSH,
      rules: [
        'iptables-nft -t nat -A PREROUTING -p tcp -m multiport --dports 80,20:25 -j DNAT --to-destination 10.0.0.2',
      ],
    },
    level: 'danger',
    text: /tcp port 22 .* is sent on elsewhere/,
    fix: /chain = DOCKER-USER/,
  },
  {
    what: 'all ports that are redirected',
    host: { conf: SSH, rules: ['ip6tables-nft -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 2222'] },
    level: 'danger',
    text: /tcp port 22 .* is sent on to port 2222 of this host by REDIRECT \(IPv6\)/,
    fix: /2222 in ports/,
  },
  {
    what: 'an interface that is not there',
    host: { conf: `${SSH}[listener]\ninterface = lo, wg7\n` },
    level: 'warning',
    text: /there is no wg7 \(there are: .*lo/,
    fix: /interface = any/,
  },
  {
    what: 'a user that is not there',
    host: { conf: `${SSH}[listener]\nuser = nobody-here\n` },
    level: 'danger',
    text: /there is no user nobody-here/,
    fix: /user = _knockctl/,
  },
  {
    what: 'a template of rules that is broken',
    host: { conf: SSH, template: '*filter\n-A nonsense\n' },
    level: 'danger',
    text: /rules\/service\.rules:/,
    fix: /knockctl check/,
  },
];

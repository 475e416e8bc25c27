/** What check has a remark on: each with a configuration that has it, and with some that have not. */
import { loadConfig } from '../../src/config/load.js';
import { pitfalls } from '../../src/config/pitfalls/pitfalls.js';
import type { HostFacts } from '../../src/config/pitfalls/host.js';
import { lookUp } from './import/support.js';

export const FACTS: HostFacts = {
  listening: [],
  addresses: ['192.0.2.1', '2001:db8::1'],
  portNames: lookUp,
  program: () => 'there',
  hasUser: () => true,
  hasFolder: () => true,
};

interface Texts {
  readonly doors?: string;
  readonly conf?: string;
}

export function remarks({ doors = '', conf = '' }: Texts, facts: Partial<HostFacts> = {}): string {
  const texts: Readonly<Record<string, string>> = {
    '/c': `[paths]\ndoors = /d\ntrusted = /t\n${conf}`,
    '/d': doors,
    '/t': '',
  };
  const config = loadConfig({ file: '/c' }, (path) => texts[path]);
  return pitfalls(config, { ...FACTS, ...facts }).join('\n');
}

export function door(command: string, more = '', name = 'a', sequence = '1001,1002,1003'): string {
  return `[${name}]\nsequence = ${sequence}\ntcpflags = syn,!ack\n${more}command = ${command}\n`;
}

const I = 'iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT';
export const ACCEPT = 'knockctl accept %IP%';

interface Case {
  readonly what: string;
  readonly wrong: Texts;
  readonly says: RegExp;
  /** What is right in its place. */
  readonly right: readonly Texts[];
  readonly facts?: Partial<HostFacts>;
}

export const CASES: readonly Case[] = [
  {
    what: 'a door for everybody',
    wrong: { doors: door('ufw allow 2222/tcp') },
    says: /^\/d:1: door a: opens tcp port 2222 for everybody: without %IP% it is not for the address that knocked$/m,
    right: [{ doors: door('ufw allow from %IP% to any port 2222') }, { doors: door('ufw delete allow 2222/tcp') }],
  },
  {
    what: 'that deletes what shuts',
    wrong: { doors: door('iptables -D INPUT -p tcp --dport 22 -j DROP; logger open') },
    says: /door a: opens tcp port 22 for everybody/,
    right: [{ doors: door('iptables -A INPUT -p tcp --dport 22 -j DROP') }],
  },
  {
    what: 'the same sequence twice',
    wrong: { doors: door(ACCEPT) + door('knockctl flush %IP%', '', 'b c') },
    says: /^\/d:5: door b c: has the sequence of door a \(line 1\): one knock does what both say/m,
    right: [
      { doors: door(ACCEPT) + door('knockctl flush %IP%', '', 'b c', '1001,1002') },
      { doors: door(ACCEPT) + door('knockctl flush %IP%', '', 'b c', '1001,1002,1003:udp') },
      { doors: door(ACCEPT) + door('knockctl flush %IP%', 'target = 192.0.2.9\n', 'b c') },
    ],
  },
  {
    what: 'a start without a stop',
    wrong: { doors: door(I) },
    says: /door a: what it opens stays open for good: nothing shuts it again/,
    right: [
      { doors: door(I, `stop_command = ${I.replace('-I', '-D')}\n`) },
      { doors: door(`${I}; sleep 9; ${I.replace('-I', '-D')}`) },
      { doors: door('nft add element inet f s { %IP% timeout 60s }') },
      { doors: door('ipset add s %IP%') },
      { doors: door('/root/open.sh %IP%') },
      { doors: door('systemctl start sshd') },
      { doors: door(ACCEPT) },
    ],
  },
  {
    what: 'one that only another knock stops',
    wrong: { doors: door(I) + door(I.replace('-I', '-D'), '', 'shut it', '9,8') },
    says: /door a: what it opens stays open until door shut it is knocked at, for good if it is not/,
    right: [{ doors: door(ACCEPT) + door('knockctl flush %IP%', '', 'shut it', '9,8') }],
  },
  {
    what: 'a verb that lets in for ever',
    wrong: { doors: door(`${ACCEPT} --timeout 0`) },
    says: /stays open for good/,
    right: [{ doors: door(`${ACCEPT} --timeout 9`) }],
  },
  {
    what: 'tcpflags = ack',
    wrong: { doors: '[a]\nsequence = 25565\ntcpflags = ack\ncommand = /x\n' },
    says: /each packet to tcp port 25565 is a knock, and runs its command \(tcpflags = ack .*seq_cooldown = 60/,
    right: [
      { doors: '[a]\nsequence = 25565\ntcpflags = ack\nseq_cooldown = 5\ncommand = /x\n' },
      { doors: '[a]\nsequence = 25565\ntcpflags = syn\ncommand = /x\n' },
      { doors: '[a]\nsequence = 25565,25566\ntcpflags = ack\ncommand = /x\n' },
    ],
  },
  {
    what: 'a door of one port that is in use',
    facts: { listening: [{ protocol: 'udp', port: 15637 }] },
    wrong: { doors: '[a]\nsequence = 15637:udp,15637:udp\ncommand = /x\n' },
    says: /each packet to udp port 15637 is a knock, and runs its command \(somebody uses that port\)/,
    right: [
      { doors: '[a]\nsequence = 15637:udp,15637:udp\nseq_cooldown = 5\ncommand = /x\n' },
      { doors: '[a]\nsequence = 15638:udp\ncommand = /x\n' },
      { doors: '[a]\nsequence = 15637\ncommand = /x\n' },
    ],
  },
  {
    what: 'or that of a service',
    wrong: { doors: door('/x', '', 'a', '22'), conf: '[service.ssh]\n' },
    says: /each connection to tcp port 22 is a knock/,
    right: [{ doors: door('/x', '', 'a', '22') }],
  },
  {
    what: 'one port alone',
    wrong: { doors: door(ACCEPT, '', 'a', '1001,1001') },
    says: /one port is no secret: whoever tries all ports opens it/,
    right: [{ doors: door('knockctl drop %IP%', '', 'a', '1001') }, { doors: door('/x', '', 'a', '1001') }],
  },
  {
    what: 'the hidden port first',
    wrong: { doors: door(ACCEPT, '', 'a', '22,1001,1002') },
    says: /begins with port 22, which service ssh hides/,
    right: [{ doors: door(ACCEPT, '', 'a', '1001,1002,22') }],
  },
  {
    what: 'a program that is not there',
    facts: { program: (name) => (name === '/sbin/pfctl' || name === 'ufw' ? 'absent' : name === '/root/x' ? 'unknown' : 'there') },
    wrong: { doors: door('/sbin/pfctl -t x -T add %IP%') },
    says: /^\/d:1: door a: there is no program \/sbin\/pfctl on this host: its line would do nothing \(it is of BSD/m,
    right: [{ doors: door('/root/x %IP%') }, { doors: door('echo ufw; exec cat /sbin/pfctl') }, { doors: door(ACCEPT) }],
  },
  {
    what: 'one behind sudo, or in a stop command',
    facts: { program: (name) => (name === 'ufw' ? 'absent' : 'there') },
    wrong: { doors: door('/x', 'stop_command = sudo ufw delete allow from %IP% to any port 22\n') },
    says: /there is no program ufw/,
    right: [{ doors: door('/x', 'stop_command = logger ufw\n') }],
  },
  {
    what: 'a stock sequence in force',
    wrong: { doors: door('/x', '', 'a', '7000,8000,9000') },
    says: /7000,8000,9000 is a sequence of knockd's own examples, which everybody knows/,
    right: [{ doors: door('/x', '', 'a', '7000,8000,9001') }, { doors: door('/x', '', 'a', '7000:udp,8000,9000') }],
  },
  {
    what: 'ports that browsers refuse, where one may be to knock',
    wrong: { doors: door('/x', '', 'a', '6000,1001,6666'), conf: '[listener]\nduplicates = tolerate\n' },
    says: /browsers refuse to connect to port 6000, 6666/,
    right: [
      { doors: door('/x', '', 'a', '6000,1001,6666') },
      { doors: door('/x', '', 'a', '6000:udp,1001'), conf: '[listener]\nduplicates = tolerate\n' },
    ],
  },
  {
    what: 'an address that is not this host’s',
    wrong: { doors: door(ACCEPT), conf: '[service.ssh]\naddress = 10.77.3.9, 2001:db8::1\n' },
    says: /^\/c: address in \[service\.ssh\]: 10\.77\.3\.9 is no address of this host now: nothing is protected by it/m,
    right: [
      { doors: door(ACCEPT), conf: '[service.ssh]\naddress = 192.0.2.1\n' },
      { doors: door(ACCEPT), conf: '[service.ssh]\naddress = 10.77.3.9\nchain = FORWARD\n' },
    ],
  },
  {
    what: 'chain = input',
    wrong: { doors: door(ACCEPT), conf: '[service.ssh]\nchain = input\n' },
    says: /^\/c: chain in \[service\.ssh\]: iptables has no chain input by itself: did you mean INPUT\?$/m,
    right: [{ doors: door(ACCEPT), conf: '[service.ssh]\nchain = SERVICES\n' }],
  },
  {
    what: 'an unknown user',
    facts: { hasUser: (name) => name !== 'knock' },
    wrong: { conf: '[listener]\nuser = knock\n' },
    says: /^\/c: user in \[listener\]: there is no user knock: no listener runs/m,
    right: [{ conf: '[listener]\nuser = nobody\n' }],
  },
  {
    what: 'a log in no folder',
    facts: { hasFolder: (path) => path !== '/nonexistent' },
    wrong: { conf: '[log]\nfile = /nonexistent/x.log\n' },
    says: /^\/c: file in \[log\]: there is no folder \/nonexistent: nothing is written to \/nonexistent\/x\.log$/m,
    right: [{ conf: '[log]\nfile = /var/log/x.log\n' }],
  },
]; // prettier-ignore

/** Rules of iptables around ours, by made-up facts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Facts } from '../../src/doctor/facts/facts.js';
import { backendsOfOurs } from '../../src/doctor/facts/ours.js';
import { sentOn } from '../../src/doctor/facts/sent-on.js';
import { parse } from '../../src/iptables-parser/parse.js';
import { rules, told } from './made-up.js';

const OURS = '-A INPUT -p tcp -m comment --comment "knockctl:ssh" -j ssh_policy';

function filter(...lines: readonly string[]): string[] {
  return ['*filter', ':INPUT ACCEPT [0:0]', ':ssh_policy - [0:0]', ...lines, 'COMMIT'];
}

describe('doctor: two back ends', () => {
  const both: Facts['rules'] = new Map([
    ...rules('nft', 4, ...filter('-A INPUT -s 192.0.2.1 -j DROP')),
    ...rules('legacy', 4, ...filter('-A INPUT -s 192.0.2.2 -j DROP')),
  ]);
  const fix = (backend: Facts['backend']): string =>
    told({ rules: both, backend }).find((line) => line.includes('both back ends')) ?? '';

  it('never has the one flushed that ours are in', () => {
    assert.match(
      fix('nft'),
      /^warning: .* “Two back ends” in docs\/neighbours\.md .*never flush iptables-nft$/,
    );
    assert.match(
      fix('legacy'),
      /fix: knockctl stop first, for ours belong to legacy; then .* “Two back ends”/,
    );
    const left = new Map([...both, ...rules('legacy', 4, ...filter(OURS, '-A INPUT -s 192.0.2.2 -j DROP'))]);
    assert.match(told({ rules: left }).join('\n'), /fix: knockctl stop first, for ours belong to legacy/);
    assert.match(fix(undefined), /fix: knockctl stop first; then/);
    for (const backend of ['nft', 'legacy'] as const) assert.doesNotMatch(fix(backend), / -F/);
  });

  it('ours are where they stand, not where they would go', () => {
    assert.deepEqual(backendsOfOurs(both), []);
    assert.deepEqual(backendsOfOurs(rules('legacy', 6, ...filter(OURS))), ['legacy']);
    const twice = new Map([...rules('legacy', 4, ...filter(OURS)), ...rules('nft', 4, ...filter(OURS))]);
    assert.deepEqual(backendsOfOurs(twice), ['nft', 'legacy']);
  });

  it('names the program of the family that is shut', () => {
    const six = rules('legacy', 6, ...filter('-A INPUT -p tcp -j DROP'));
    const text = told({ rules: six }).find((line) => line.includes('is shut by')) ?? '';
    assert.match(
      text,
      /is shut by rules of ip6tables-legacy \(IPv6\), and ours are in ip6tables-nft .* fix: ip6tables-legacy -S INPUT shows/,
    );
    assert.doesNotMatch(text, / iptables-/);
  });
});

describe('doctor: hook = last', () => {
  const conf = '[firewall]\nhook = last\n[service.ssh]\non_failure = hold\n';
  const with_ = (...lines: readonly string[]): string[] =>
    told({ conf, rules: rules('nft', 4, ...filter(...lines)) }).filter((line) =>
      line.includes('hook = last'),
    );

  it('some are accepted before ours: a warning', () => {
    assert.match(
      with_('-A INPUT -i eth0 -j ACCEPT').join('\n'),
      /^warning: .*accepts tcp port 22 .* from some \(IPv4\)/,
    );
    assert.match(with_('-A INPUT -s 192.0.2.0/24 -j ACCEPT').join('\n'), /^warning/);
  });

  it('all are: a danger, and no more than that', () => {
    const lines = with_('-A INPUT -s 192.0.2.0/24 -j ACCEPT', '-A INPUT -j ACCEPT');
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^danger: .*accepts tcp port 22 .* from everybody/);
  });

  it('all are refused before ours: nobody gets in', () => {
    assert.match(with_('-A INPUT -j REJECT').join('\n'), /^danger: .*refuses tcp port 22 .* to everybody/);
  });

  it('none are: nothing to tell', () => {
    assert.deepEqual(
      with_(
        '-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT',
        '-A INPUT -i lo -j ACCEPT',
        '-A INPUT -s 192.0.2.9 -j DROP',
      ),
      [],
    );
  });
});

describe('doctor: ports that are sent on', () => {
  const nat = (...lines: readonly string[]): string[] => [
    '*nat',
    ...['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((name) => `:${name} ACCEPT [0:0]`),
    ':c - [0:0]',
    ':d - [0:0]',
    ...lines,
    'COMMIT',
  ];
  const TO = '-j DNAT --to-destination 10.0.0.2';
  const CASES: readonly (readonly [what: string, lines: readonly string[], found: readonly string[]])[] = [
    ['the port', [`-A PREROUTING -p tcp -m tcp --dport 22 ${TO}`], ['all named']],
    ['a range', [`-A PREROUTING -p tcp -m tcp --dport 20:25 ${TO}`], ['all named']],
    ['a list with a range', [`-A PREROUTING -p tcp -m multiport --dports 80,20:25 ${TO}`], ['all named']],
    ['others', [`-A PREROUTING -p tcp -m multiport --dports 80,23:25 ${TO}`], []],
    ['all but it', [`-A PREROUTING -p tcp -m tcp ! --dport 22 ${TO}`], []],
    ['all ports', [`-A PREROUTING -p tcp ${TO}`], ['all']],
    ['all of an address', [`-A PREROUTING -d 192.0.2.7/32 ${TO}`], ['some']],
    ['another protocol', [`-A PREROUTING -p udp ${TO}`], []],
    ['a port at the loopback', [`-A PREROUTING -d 127.0.0.1/32 -p tcp -m tcp --dport 22 ${TO}`], []],
    [
      'by Docker',
      ['-A PREROUTING -m addrtype --dst-type LOCAL -j c', `-A c ! -i docker0 -p tcp -m tcp --dport 22 ${TO}`],
      ['some named'],
    ],
    [
      'the port on the way there',
      ['-A PREROUTING -p tcp -m tcp --dport 22 -j c', '-A c -j d', `-A d -p tcp ${TO}`],
      ['all named'],
    ],
    [
      'another port on the way there',
      ['-A PREROUTING -p tcp -m tcp --dport 443 -j c', `-A c -p tcp ${TO}`],
      [],
    ],
    ['what this host sends', ['-A OUTPUT -p tcp -j c', '-A c -p tcp -j REDIRECT --to-ports 12345'], []],
    ['a chain that nobody calls', [`-A c -p tcp ${TO}`], []],
    [
      'to a port of this host',
      ['-A PREROUTING -p tcp -m tcp --dport 22 -j REDIRECT --to-ports 2222'],
      ['all named 2222'],
    ],
    ['all to a port of this host', ['-A PREROUTING -p tcp -j REDIRECT --to-ports 2222'], ['all 2222']],
    ['to the same port', ['-A PREROUTING -p tcp -j REDIRECT'], []],
  ];

  for (const [what, lines, expected] of CASES) {
    it(what, () => {
      const found = sentOn(parse(`${nat(...lines).join('\n')}\n`), { protocol: 'tcp', port: 22 });
      const words = found.map(({ share, isNamed, to }) =>
        [share, ...(isNamed ? ['named'] : []), to ?? ''].join(' ').trim(),
      );
      assert.deepEqual(words, expected);
    });
  }

  it('says what to do about each', () => {
    const lines = (line: string, conf = ''): string =>
      told({ conf: `[service.ssh]\non_failure = hold\n${conf}`, rules: rules('nft', 4, ...nat(line)) }).join(
        '\n',
      );
    assert.match(
      lines(`-A PREROUTING -p tcp -m tcp --dport 20:25 ${TO}`),
      /^danger: .* is sent on elsewhere.* DOCKER-USER/,
    );
    assert.match(lines(`-A PREROUTING -p tcp ${TO}`), /^danger: .* is sent on elsewhere/);
    assert.match(lines(`-A PREROUTING -d 192.0.2.7/32 ${TO}`), /^warning: some packets for tcp port 22/);
    const redirect = '-A PREROUTING -p tcp -m tcp --dport 22 -j REDIRECT --to-ports 2222';
    assert.match(
      lines(redirect),
      /^danger: .* is sent on to port 2222 of this host .* fix: 2222 in ports of \[service\.ssh\]/,
    );
    assert.doesNotMatch(lines(redirect, 'ports = 22, 2222\n'), /danger|warning/);
  });
});

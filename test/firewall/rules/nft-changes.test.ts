import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { ChangeReader, concerns, type ChangeAuthor } from '../../../src/firewall/rules/nft-changes.js';

const WATCHED = { own: new Set(['ssh_policy', 'ssh_filter']), hooks: new Set(['INPUT', 'DOCKER-USER']) };

/** As nft 1.0.6 printed it (2026-11-21): the jump flushed, and a restore by somebody else. */
const PRINTED = `delete rule ip filter INPUT handle 4
# new generation 5 by process 30632 (iptables)
add rule ip filter INPUT ip saddr 1.2.3.4 counter packets 0 bytes 0 drop
# new generation 6 by process 30633 (iptables)
delete chain ip filter ssh_policy
delete table ip filter
add table ip filter
# new generation 7 by process 30634 (iptables-restor)
add rule ip6 filter INPUT counter packets 0 bytes 0 accept
# new generation 11 by process 30640 (ip6tables)
`;

function read(pieces: readonly string[]): ChangeAuthor[] {
  const authors: ChangeAuthor[] = [];
  const reader = new ChangeReader(WATCHED, (author) => authors.push(author));
  for (const piece of pieces) reader.push(piece);
  return authors;
}

describe('what nft’s monitor prints', () => {
  it('concerns us where our chains are touched, a rule goes beside our jump, or the table goes', () => {
    const ours = [
      'delete rule ip filter INPUT handle 4',
      'add rule ip filter ssh_policy counter packets 0 bytes 0 accept',
      'insert rule ip6 filter ssh_filter drop',
      'delete chain ip filter ssh_policy',
      'create chain ip6 filter ssh_policy',
      'add chain ip filter DOCKER-USER',
      'delete table ip filter',
      'destroy table ip6 filter',
      'insert rule ip filter INPUT tcp dport 22 counter packets 0 bytes 0 jump ssh_policy',
    ];
    const theirs = [
      'add table ip filter',
      'add chain ip filter INPUT { type filter hook input priority filter; policy accept; }',
      'add rule ip filter INPUT ip saddr 1.2.3.4 drop',
      'delete rule ip filter FORWARD handle 4',
      'delete rule ip nat INPUT handle 4',
      'delete table inet filter',
      'add element ip filter ssh_policy { 22 }',
      'nonsense',
      '',
    ];
    for (const line of ours) assert.equal(concerns(line, WATCHED), true, line);
    for (const line of theirs) assert.equal(concerns(line, WATCHED), false, line);
  });

  it('names who made each change that concerns us, in whatever pieces it comes', () => {
    const expected = [
      { pid: 30_632, name: 'iptables' },
      { pid: 30_634, name: 'iptables-restor' },
    ];
    assert.deepEqual(read([PRINTED]), expected);
    fc.assert(
      fc.property(fc.array(fc.nat(PRINTED.length), { maxLength: 20 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), PRINTED.length];
        const pieces = places.slice(1).map((end, index) => PRINTED.slice(places[index], end));
        assert.deepEqual(read(pieces), expected);
      }),
    );
  });

  it('holds no more than a line, whatever comes', () => {
    const reader = new ChangeReader(WATCHED, () => assert.fail('no change'));
    for (let index = 0; index < 1_000; index += 1) reader.push('x'.repeat(100_000));
    reader.push('\n');
  });
});

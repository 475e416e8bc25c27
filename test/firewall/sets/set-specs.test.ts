import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { parseNetwork, type Network } from '../../../src/base/address.js';
import {
  addLines,
  delLine,
  isSameKind,
  listSets,
  parseEntries,
  parseHeaders,
  safeComment,
  serviceSets,
} from '../../../src/firewall/sets/set-specs.js';

function network(text: string): Network {
  const parsed = parseNetwork(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

/** Printed by ipset 7.17 of Debian 12. */
const SAVED = `create ssh_filter6 hash:net family inet6 hashsize 1024 maxelem 1048576 timeout 0 comment bucketsize 12 initval 0x1b9dd43d
add ssh_filter6 2001:db8::7 timeout 297 comment "door open SESAME"
add ssh_filter6 2001:db8:1::/48 timeout 0 comment "cli"
add ssh_filter6 ::1.2.3.4 timeout 0 comment "cli"
add ssh_filter6 2001:db8::9 timeout 12
add ssh_filter6 2001:db8::8 timeout 0 comment ""
`;
const LISTED = `Name: ssh_banned4
Type: hash:net
Revision: 7
Header: family inet hashsize 1024 maxelem 1048576 timeout 0 comment bucketsize 12 initval 0x4a1c2f4e
Size in memory: 1432
References: 1
Number of entries: 3

Name: ssh_alive
Type: bitmap:port
Revision: 3
Header: range 0-65535 timeout 30
Size in memory: 1048640
References: 2
Number of entries: 1

Name: Name: x
Type: list:set
Revision: 3
Header: size 8
Size in memory: 80
References: 0
Number of entries: 0
`;

describe('the lines for ipset', () => {
  it('add, with time-out and comment', () => {
    const entry = { network: network('192.0.2.0/24'), timeoutS: 300, origin: 'door a"b' };
    assert.deepEqual(addLines('s', [entry]), ['add s 192.0.2.0/24 timeout 300 comment "door a_b"']);
    assert.equal(delLine('s', entry.network), 'del s 192.0.2.0/24');
  });

  it('are one line, and the comment ends where it should, whatever the origin', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 300 })), (origin) => {
        const [line = ''] = addLines('s', [{ network: network('::1'), timeoutS: 0, origin }]);
        assert.match(line, /^add s ::1 timeout 0(?: comment "[\x20-\x7e]{1,200}")?$/);
        const comment = safeComment(origin);
        assert.doesNotMatch(comment, /["\\<>]/);
        assert.equal(safeComment(comment), comment);
        assert.deepEqual(parseEntries(`${line}\n`), [
          { network: network('::1'), timeoutS: 0, origin: comment },
        ]);
      }),
    );
  });
});

describe('what ipset prints', () => {
  it('ipset save: entries', () => {
    assert.deepEqual(
      parseEntries(SAVED).map(({ network: { text }, timeoutS, origin }) => [text, timeoutS, origin]),
      [
        ['2001:db8::7', 297, 'door open SESAME'],
        ['2001:db8:1::/48', 0, 'cli'],
        ['::102:304', 0, 'cli'],
        ['2001:db8::9', 12, ''],
        ['2001:db8::8', 0, ''],
      ],
    );
    assert.deepEqual(parseEntries(''), []);
  });

  it('ipset list -t: headers', () => {
    const headers = parseHeaders(LISTED);
    assert.deepEqual([...headers.keys()], ['ssh_banned4', 'ssh_alive', 'Name: x']);
    assert.deepEqual(headers.get('ssh_alive'), {
      type: 'bitmap:port',
      header: 'range 0-65535 timeout 30',
      references: 2,
      entries: 1,
    });
    assert.equal(headers.get('ssh_banned4')?.entries, 3);
    assert.equal(parseHeaders('').size, 0);
  });
});

describe('the sets of a service', () => {
  const specs = serviceSets('ssh');
  const header = (text: string, type = 'hash:net'): Parameters<typeof isSameKind>[1] => ({
    type,
    header: text,
    references: 0,
    entries: 0,
  });

  it('are those of the contract, for both families', () => {
    assert.deepEqual(
      specs.map((spec) => spec.name),
      [
        ...['ssh_banned4', 'ssh_trusted4', 'ssh_granted4', 'ssh_filter4', 'ssh_decoyed4'],
        ...['ssh_banned6', 'ssh_trusted6', 'ssh_granted6', 'ssh_filter6', 'ssh_decoyed6'],
        'ssh_alive',
      ],
    );
    assert.ok(serviceSets('a'.repeat(16)).every((spec) => spec.name.length <= 31));
    assert.deepEqual(listSets('ssh', 'filter'), [
      { set: 'ssh_filter4', family: 4 },
      { set: 'ssh_filter6', family: 6 },
    ]);
  });

  it('are known by kind, family, bound and extensions', () => {
    const [banned4] = specs;
    const alive = specs.at(-1);
    assert.ok(banned4 !== undefined && alive !== undefined);
    const good = 'family inet hashsize 64 maxelem 1048576 timeout 0 comment bucketsize 12 initval 0x1';
    assert.equal(isSameKind(banned4, header(good)), true);
    for (const wrong of [
      header(good, 'hash:ip'),
      header(good.replace('inet ', 'inet6 ')),
      header(good.replace('1048576', '65536')),
      header(good.replace('1048576', '10485760')),
      header(good.replace(' comment', '')),
      header(good.replace('timeout 0', 'timeout 00')),
      header(good.replace(' timeout 0', '')),
    ]) {
      assert.equal(isSameKind(banned4, wrong), false, wrong.header);
    }
    assert.equal(isSameKind(alive, header('range 0-65535 timeout 30', 'bitmap:port')), true);
    assert.equal(isSameKind(alive, header('range 0-1024 timeout 30', 'bitmap:port')), false);
  });
});

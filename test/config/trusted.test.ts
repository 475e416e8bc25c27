import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { parseNetwork } from '../../src/base/address.js';
import { formatFault } from '../../src/base/errors.js';
import { addEntry, parseTrusted, parseTrustee, removeEntry } from '../../src/config/trusted.js';

function added(text: string, entry: string, comment?: string): string {
  const result = addEntry(text, entry, comment);
  assert.ok(result.ok);
  return result.value;
}

function removed(text: string, entry: string): string {
  const result = removeEntry(text, entry);
  assert.ok(result.ok);
  return result.value;
}

describe('the trusted list', () => {
  it('takes addresses, networks and host names, with comments behind them', () => {
    const text =
      '\uFEFF# c\r\n\r\n 192.0.2.1\r\n10.1.2.3/8 office\n2001:DB8::1 # x\nSSH.Maths.FR # i.e.\n::ffff:192.0.2.7\na-1';
    const { entries, faults } = parseTrusted(text, 't');
    assert.deepEqual(faults, []);
    assert.deepEqual(
      entries.map((entry) => [entry.line, entry.text, entry.network]),
      [
        [3, '192.0.2.1', '192.0.2.1'],
        [4, '10.1.2.3/8', '10.0.0.0/8'],
        [5, '2001:DB8::1', '2001:db8::1'],
        [6, 'ssh.maths.fr', undefined],
        [7, '::ffff:192.0.2.7', '192.0.2.7'],
        [8, 'a-1', undefined],
      ],
    );
  });

  const bad: readonly (readonly [string, RegExp])[] = [
    ['0.0.0.0/0', /would trust everybody, and ipset takes no \/0/],
    ['::/0', /would trust everybody/],
    ['10.0.0.0/33', /prefix length/],
    ['ssh.example/24', /is not an IPv4 or IPv6 address or network/],
    ['fe80::1%eth0', /zone id/],
    ['1.2.3', /ends in a number/],
    ['1.2.3.256', /ends in a number/],
    ['host.0x7f', /ends in a number/],
    ['0x7f000001', /ends in a number/],
    ['a+b.example', /is not an address, a network or a host name/],
    ['-a.example', /is not an address/],
    ['a..b', /is not an address/],
    ['a.example..', /is not an address/],
    ['.', /is not an address/],
    ['a.example#', /is not an address.*space before any comment/],
    ['café.example', /is not an address/],
    [`${'a'.repeat(64)}.example`, /is not an address/],
    [`${'abcdefg.'.repeat(32)}example`, /is not an address/],
    ['-j', /is not an address/],
  ];
  for (const [word, message] of bad) {
    it(`refuses ${word.slice(0, 40)}, with its line`, () => {
      const [fault, ...more] = parseTrusted(`# c\n${word} x\n`, 't').faults.map(formatFault);
      assert.match(fault ?? '', /^t:2: /);
      assert.match(fault ?? '', message);
      assert.deepEqual(more, []);
    });
  }

  it('refuses binary content', () => {
    assert.deepEqual(
      parseTrusted('a\n\0', 't').faults.map(({ line }) => line),
      [2],
    );
  });

  it('ships with no entries', () => {
    const shipped = readFileSync(new URL('../../../trusted/knockd.trusted', import.meta.url), 'utf8');
    assert.deepEqual(parseTrusted(shipped, 't'), { entries: [], faults: [], warnings: [] });
    assert.match(shipped, /\n$/);
  });
});

describe('editing the trusted list', () => {
  it('adds at the end and takes out again, all else kept', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['', '192.0.2.1\n'],
      ['# c\n', '# c\n192.0.2.1\n'],
      ['# c', '# c\n192.0.2.1'],
      ['# c\r\na\r\n', '# c\r\na\r\n192.0.2.1\r\n'],
      ['# c\r\na', '# c\r\na\r\n192.0.2.1'],
      ['\uFEFF', '\uFEFF192.0.2.1\n'],
    ];
    for (const [before, after] of cases) {
      assert.equal(added(before, '192.0.2.1'), after);
      assert.equal(removed(after, '192.0.2.1'), before);
    }
  });

  it('writes a comment, and refuses one that is not a line', () => {
    assert.equal(added('', 'a.example', 'the office'), 'a.example # the office\n');
    assert.ok(!addEntry('', 'a.example', 'x\n10.0.0.0/8').ok);
  });

  it('knows an entry by what it means', () => {
    const text = '10.0.0.0/8 # a\nSSH.example\n2001:db8::1\n';
    assert.equal(added(text, '10.9.9.9/8'), text);
    assert.equal(added(text, 'ssh.EXAMPLE'), text);
    assert.equal(removed(text, '10.1.1.1/8'), 'SSH.example\n2001:db8::1\n');
    assert.equal(removed(text, 'ssh.example'), '10.0.0.0/8 # a\n2001:db8::1\n');
    assert.equal(removed(text, '2001:db8:0:0::1'), '10.0.0.0/8 # a\nSSH.example\n');
  });

  it('takes out every line of the entry, the first and a bad neighbour included', () => {
    assert.equal(removed('\uFEFFa\n???\na # x\nb\na', 'a'), '\uFEFF???\nb');
  });

  it('refuses what is not in, and what is no entry', () => {
    assert.ok(!removeEntry('# 192.0.2.1\n', '192.0.2.1').ok);
    assert.ok(!removeEntry('a\n', 'a b').ok);
    assert.ok(!addEntry('', '0.0.0.0/0').ok);
    assert.ok(!addEntry('', 'a\nb').ok);
  });

  it('undoes adding by removing, for any text', () => {
    const piece = fc.constantFrom(
      'a.example',
      '10.0.0.0/8',
      '# c',
      ' ',
      '\t',
      '\r',
      '\n',
      '\r\n',
      'é',
      '???',
      '\uFEFF',
    );
    const entry = fc.constantFrom('b.example', '192.0.2.1', '2001:db8::/32');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }),
        entry,
        fc.option(fc.constant('note'), { nil: undefined }),
        (pieces, who, note) => {
          const text = pieces.join('');
          const after = added(text, who, note);
          const trustee = parseTrustee(who);
          const inFile = parseTrusted(after, 't').entries.filter(
            (each) => trustee.ok && each.network === trustee.value.network,
          );
          assert.ok(inFile.length > 0);
          assert.equal(removed(after, who), text);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('tells an address of this host, and keeps it: tomorrow it may be another one', () => {
    const own = parseNetwork('192.0.2.7');
    assert.ok(own.ok);
    const { entries, warnings } = parseTrusted('192.0.2.7 here\n192.0.2.0/24\n127.0.0.1\n', 't', [own.value]);
    assert.deepEqual(
      entries.map(({ text }) => text),
      ['192.0.2.7', '192.0.2.0/24'],
    );
    assert.deepEqual(warnings.map(formatFault), [
      't:1: 192.0.2.7 is an address of this host itself, or a broadcast address of its networks: passed over for as long as it is one',
      't:3: 127.0.0.1 is the loopback, which is never filtered: the line is passed over',
    ]);
  });
});

describe('names and lines as people write them', () => {
  it('an underscore, and a final dot', () => {
    const { entries, faults, warnings } = parseTrusted('my_host.example.org.\nHost_1.example\n', 't');
    assert.deepEqual(
      entries.map(({ text }) => text),
      ['my_host.example.org', 'host_1.example'],
    );
    assert.deepEqual([...faults, ...warnings], []);
  });

  it('a second address in a line gets a remark, and no other comment does', () => {
    for (const line of ['192.0.2.1 192.0.2.2', 'a.example, 2001:db8::/32', '10.0.0.0/8\t192.0.2.2 # both']) {
      const { entries, warnings } = parseTrusted(line.replace(',', ''), 't');
      assert.equal(entries.length, 1);
      assert.match(
        warnings[0]?.message ?? '',
        /is taken for a comment, and not trusted: write one address a line/,
      );
    }
    for (const line of [
      'a.example office',
      '192.0.2.1 # 192.0.2.2',
      '192.0.2.1 was 192.0.2.2',
      '192.0.2.1',
    ]) {
      assert.deepEqual(parseTrusted(line, 't').warnings, [], line);
    }
  });
});

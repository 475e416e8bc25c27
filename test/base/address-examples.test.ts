import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  isHost,
  mappedNetwork,
  parseAddress,
  parseKernelNetwork,
  parseNetwork,
  quote,
  type Network,
} from '../../src/base/address.js';

function read(text: string): Network {
  const parsed = parseNetwork(text);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.reason);
  return parsed.value;
}

describe('addresses that are refused', () => {
  const REFUSED = [
    '',
    ' ',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4\n',
    '1.1.1.1\nflush x',
    '1.2.3.4\0',
    '1.2.3.4\t',
    '1.2.3.4 5.6.7.8',
    '1.2.3.4,5.6.7.8',
    '1.2.3.4-1.2.3.9',
    '-j',
    '--help',
    '-1.2.3.4',
    '!1.2.3.4',
    'localhost',
    'example.org',
    'fe80::1%eth0',
    'fe80::1%25eth0',
    '::1%',
    '[::1]',
    '127.1',
    '10.1',
    '1',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '127.0.0.01',
    '2130706433',
    '256.1.1.1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4.',
    '1.2.3.4/33',
    '1.2.3.4/-1',
    '1.2.3.4/+8',
    '1.2.3.4/08',
    '1.2.3.4/',
    '1.2.3.4/8/8',
    '1.2.3.4/8 ',
    '1.2.3.4/1e1',
    '1.2.3.4/255.255.255.0',
    '1.2.3.4/ 8',
    '/8',
    '::/129',
    '::/999',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '::1.2.3',
    '::1.2.3.256',
    '::ffff:1.2.3.4/95',
    '::ffff:0:0/0',
    '١.٢.٣.٤',
    '１.２.３.４',
    '1.2.3.4\u200b',
    `1.2.3.4${' '.repeat(100)}`,
    `${'0'.repeat(60)}::1`,
  ];
  for (const text of REFUSED) {
    it(JSON.stringify(text.slice(0, 40)), () => {
      const parsed = parseNetwork(text);
      assert.equal(parsed.ok, false);
      assert.equal(parseAddress(text).ok, false);
    });
  }

  it('networks, where one address is needed', () => {
    assert.deepEqual(parseAddress('10.0.0.0/8'), {
      ok: false,
      reason: '"10.0.0.0/8" is a network; a single address is needed here',
    });
    assert.equal(parseAddress('10.0.0.7/32').ok, true);
    assert.equal(parseAddress('::/127').ok, false);
  });
});

describe('addresses by example', () => {
  const EXAMPLES = [
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:0102:0304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['1.2.3.4/32', '1.2.3.4'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['2001:db8:ffff::/33', '2001:db8:8000::/33'],
    ['::1.2.3.4', '::102:304'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['::', '::'],
    ['0000:0000:0000:0000:0000:ffff:255.255.255.255/128', '255.255.255.255'],
  ] as const;
  for (const [given, text] of EXAMPLES) {
    it(`${given} is ${text}`, () => {
      assert.equal(read(given).text, text);
    });
  }

  it('what the kernel prints keeps its family', () => {
    for (const [printed, text, prefix] of [
      ['::ffff:1.2.3.4', '::ffff:1.2.3.4', 128],
      ['::ffff:1.2.3.0/120', '::ffff:1.2.3.0/120', 120],
      ['::ffff:0:0/96', '::ffff:0.0.0.0/96', 96],
      ['::fffe:0:0/95', '::fffe:0:0/95', 95],
    ] as const)
      assert.deepEqual(parseKernelNetwork(printed), { ok: true, value: { family: 6, text, prefix } });
    for (const printed of ['1.2.3.4', '10.0.0.0/8', '2001:db8::1', '::/1', '::1.2.3.4'])
      assert.deepEqual(parseKernelNetwork(printed), parseNetwork(printed));
    assert.equal(mappedNetwork('::FFFF:0102:0304')?.text, '::ffff:1.2.3.4');
    for (const typed of ['1.2.3.4', '2001:db8::1', 'x']) assert.equal(mappedNetwork(typed), undefined);
  });

  it('a host is an address of full length', () => {
    assert.equal(isHost(read('1.2.3.4')), true);
    assert.equal(isHost(read('1.2.3.4/31')), false);
    assert.equal(isHost(read('::1')), true);
    assert.equal(isHost(read('::1/32')), false);
  });

  it('quote is short and on one line', () => {
    assert.equal(quote('a\nb"'), '"a\\nb\\""');
    assert.equal(quote('x'.repeat(100)), `"${'x'.repeat(80)}…"`);
  });
});

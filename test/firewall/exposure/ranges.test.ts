import assert from 'node:assert/strict';
import { it } from 'node:test';

import { networkRanges, networksOf } from '../../../src/firewall/exposure/ranges.js';

it('IPv4-mapped networks of an IPv6 rule are IPv6 networks', () => {
  for (const text of ['::ffff:192.0.2.1', '::ffff:192.0.2.0/120']) {
    const ranges = networkRanges(text, 6);
    assert.ok(ranges !== undefined, text);
    assert.deepEqual(networksOf(ranges, 6, 1), [text]);
    assert.equal(networkRanges(text, 4), undefined);
  }
});

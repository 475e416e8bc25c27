import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { forgeableRemarks, parsePortRange } from '../../src/config/forgeable.js';
import { parseKnockdConf } from '../../src/config/knockd/knockd-conf.js';

const RANGE = { first: 32_768, last: 60_999 };

function remarks(lines: string, range = RANGE): string[] {
  const { doors, faults } = parseKnockdConf(`[d]\n${lines}\n`, 'knockd.conf');
  assert.deepEqual(faults, []);
  return doors.flatMap((door) => forgeableRemarks(door, range));
}

describe('doors that more than a knocker can hit', () => {
  it('syn alone counts SYN-ACKs; not with !ack, and UDP has no flags', () => {
    assert.match(remarks('sequence = 1,2\ntcpflags = syn').join(), /^door d: .*write tcpflags = syn,!ack$/);
    assert.deepEqual(remarks('sequence = 1,2\ntcpflags = syn,!ack'), []);
    assert.deepEqual(remarks('sequence = 1:udp,2:udp\ntcpflags = syn'), []);
  });

  it('ports of our own connections get answers', () => {
    assert.match(remarks('sequence = 1:udp,40000:udp,40000:udp').join(), /others than 40000$/);
    assert.match(remarks('sequence = 32768,60999,61000').join(), /others than 32768, 60999$/);
    // An answer is never a SYN without ACK.
    assert.deepEqual(remarks('sequence = 40000,40001\ntcpflags = syn,!ack'), []);
  });

  it('a ban for ever is said to be one', () => {
    assert.match(
      remarks('sequence = 1:udp\ncommand = knockctl drop %IP% --timeout 0').join(),
      /bans for ever/,
    );
    assert.deepEqual(remarks('sequence = 1:udp\ncommand = knockctl drop %IP% --timeout 90000'), []);
  });

  it('reads what the kernel tells', () => {
    assert.deepEqual(parsePortRange('32768\t60999\n'), RANGE);
    for (const text of [undefined, '', 'x', '1']) assert.equal(parsePortRange(text), undefined);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { nftReader } from '../../src/system/netlink.js';

/** As the kernel (6.18) printed it, 2026-11-22: nft's monitor, stopped, and others. */
const TABLE = `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000047b91d4b 0   0          00000000 0        0        0     2        0        34503352
00000000adfae86d 4   4111       00000140 1        0        0     2        1        34503358
00000000c111aa34 12  4110       00000100 2        0        0     2        2        34503370
00000000c111aa33 12  4111       00000140 6656     0        0     2        31       34503369
0000000082cd3372 12  0          00000000 0        0        0     2        0        34503359
`;

describe('who reads what the kernel tells of nft’s tables', () => {
  it('is found by its number, the protocol and the group', () => {
    assert.deepEqual(nftReader(4111, TABLE), { unread: 6_656, dropped: 31 });
    assert.equal(nftReader(4110, TABLE), undefined, 'another group');
    assert.equal(nftReader(4112, TABLE), undefined);
    assert.equal(nftReader(4111, ''), undefined);
    assert.equal(nftReader(process.pid), undefined);
  });
});

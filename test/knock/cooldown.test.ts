import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Cooldowns } from '../../src/knock/cooldowns.js';
import { hashAddress, type HashKey } from '../../src/knock/hash.js';
import { planDoors } from '../../src/knock/plan.js';
import { door, OWN, packetOf, Stand } from './support.js';

const A = '192.0.2.1';
const B = '192.0.2.2';

function opens(events: readonly string[]): number {
  return events.filter((event) => event.endsWith(' open')).length;
}

describe('seq_cooldown', () => {
  it('a door of one port opens once, and again when the time is over', () => {
    const stand = new Stand([door('8211:udp', { name: 'd', cooldownMs: 5_000 })]);
    assert.deepEqual(stand.knock('8211:udp,8211:udp,8211:udp'), ['d stage 1', 'd open']);
    stand.nowMs += 4_600;
    assert.equal(opens(stand.knock('8211:udp')), 0);
    stand.nowMs += 100;
    assert.equal(opens(stand.knock('8211:udp')), 1);
    assert.equal(opens(stand.knock('8211:udp')), 0);
  });

  it('what comes meanwhile does not put the end off', () => {
    const stand = new Stand([door('1', { name: 'd', cooldownMs: 1_000 })]);
    // A packet each 100 ms: the first opens, and then the one a second later.
    assert.equal(opens(stand.knock(Array.from({ length: 11 }, () => '1').join(','))), 2);
  });

  it('is of one source, and of one door', () => {
    const stand = new Stand([door('1', { name: 'd', cooldownMs: 5_000 }), door('1', { name: 'e' })]);
    assert.equal(opens(stand.knock('1')), 2);
    assert.equal(opens(stand.knock('1')), 1);
    assert.equal(opens(stand.knock('1', { source: B })), 2);
  });

  it('a door of several ports begins no attempt, but its packets end those at others as before', () => {
    const stand = new Stand([door('1,2', { name: 'd', cooldownMs: 5_000 }), door('3,4', { name: 'e' })]);
    assert.deepEqual(stand.knock('1,2'), ['d stage 1', 'd stage 2', 'd open']);
    assert.deepEqual(stand.knock('1,2'), []);
    assert.equal(stand.tracker.attempts, 0);
    assert.deepEqual(stand.knock('3,1,4'), ['e stage 1']);
  });

  it('an attempt that fails cools nothing down', () => {
    const stand = new Stand([door('1,2', { name: 'd', cooldownMs: 5_000 })]);
    assert.equal(opens(stand.knock('1,1,1,2')), 1);
  });

  it('goes on where doors are replaced and this one stays, or takes its next one-time sequence', () => {
    const one = door('1,2', { name: 'd', cooldownMs: 5_000 });
    const stand = new Stand([one]);
    stand.knock('1,2');
    const next = { ...one, sequence: door('5,6').sequence };
    stand.tracker.replaceDoors([door('9', { name: 'x' }), next]);
    assert.equal(opens(stand.knock('5,6')), 0);
    stand.tracker.replaceDoors([{ ...next, cooldownMs: 1_000 }]);
    assert.equal(opens(stand.knock('5,6')), 1);
  });

  it('takes no more room than it may: the oldest goes first', () => {
    const [planned] = planDoors([door('1', { cooldownMs: 5_000 })]).doors;
    assert.ok(planned !== undefined);
    const key: HashKey = [1, 2];
    const cooldowns = new Cooldowns(key, 2);
    const packets = [A, B, '192.0.2.3'].map((source) => packetOf(source, OWN));
    for (const packet of packets) cooldowns.begin(planned, packet, hashAddress(packet.source, key), 0);
    assert.deepEqual(
      packets.map((packet) => cooldowns.holds(planned, packet, hashAddress(packet.source, key), 1)),
      [false, true, true],
    );
  });
});

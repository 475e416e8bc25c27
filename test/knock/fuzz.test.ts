import assert from 'node:assert/strict';
import { it } from 'node:test';

import { decode } from '../../src/knock/decode.js';
import { createPacket, type Packet } from '../../src/knock/packet.js';
import { amountOf, FuzzWatch, randomFrom } from '../helpers/fuzz.js';
import { PacketMutants } from './mutants.js';

it('the decoder never throws and never looks past the end, whatever the packet', (test) => {
  const amount = amountOf('FUZZ_PACKETS', 500_000);
  const next = randomFrom(20_240_601);
  const mutants = new PacketMutants(next);
  const watch = new FuzzWatch(amount);
  const other = Buffer.alloc(mutants.buffer.length);
  const [packet, again] = [createPacket(), createPacket()];
  let read = 0;
  for (let round = 0; round < amount; round++) {
    mutants.next();
    const { buffer, length, link } = mutants;
    other.set(buffer.subarray(0, length));
    buffer.fill(0x06, length, length + 100);
    other.fill(next(), length, length + 100);
    const result = watch.item(() => decode(buffer, length, link, packet), mutants.describe);
    assert.equal(decode(other, length, link, again), result);
    if (!result) continue;
    read++;
    if (!same(packet, again)) assert.fail(`what is behind the end was read: ${mutants.describe()}`);
  }
  watch.finish(test);
  assert.ok(read > amount / 20, `only ${read} packets were read at all`);
});

function same(a: Packet, b: Packet): boolean {
  return (
    a.destinationPort === b.destinationPort &&
    a.sourcePort === b.sourcePort &&
    a.flags === b.flags &&
    a.sequence === b.sequence &&
    a.ipId === b.ipId &&
    a.source.w0 === b.source.w0 &&
    a.source.w3 === b.source.w3 &&
    a.destination.w3 === b.destination.w3
  );
}

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { FAMILIES } from '../../src/base/address.js';
import { Sniffer } from '../../src/listener/sniffer.js';
import { readListenerMessage, type ListenerMessage } from '../../src/wire/listener.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { amountOf, FuzzWatch, randomFrom } from '../helpers/fuzz.js';
import { PacketMutants } from '../knock/mutants.js';
import { ANY_FLAGS, door } from '../knock/support.js';

it('the sniffer takes any packets: no exception, sound messages, memory and time bounded', (test) => {
  const amount = amountOf('FUZZ_PACKETS', 500_000);
  const next = randomFrom(19_990_402);
  const mutants = new PacketMutants(next);
  const clock = new FakeClock();
  const doors = [
    door('7000,8000,9000'),
    door('7000,8000'),
    door('7000', { flags: ANY_FLAGS }),
    door('7000:udp,7001:udp', { windowMs: 60_000 }),
    door('9000,9000', { flags: ANY_FLAGS, windowMs: 60_000 }),
    door('8000', { name: 'once' }),
  ];
  const once = doors.at(-1);
  assert.ok(once !== undefined);
  const sequences = Array.from({ length: 1_000 }, (_, index) => ({ id: index + 1, sequence: once.sequence }));
  const count = new Map<ListenerMessage['type'], number>();
  const sniffer = new Sniffer(
    {
      doors,
      oneTime: [{ door: once.id, sequences }],
      families: FAMILIES,
      beatMs: 500,
      reportOnly: false,
      tolerateDuplicates: true,
    },
    clock,
    (message) => {
      // As the supervisor reads it: what it refuses, it takes for a listener that was taken over.
      const { type } = readListenerMessage(JSON.parse(JSON.stringify(message)));
      count.set(type, (count.get(type) ?? 0) + 1);
    },
  );
  const watch = new FuzzWatch(amount);
  for (let round = 0; round < amount; round++) {
    mutants.next();
    // 100,000 packets a second.
    clock.advance((next() % 2_048) / 102_400);
    watch.item(() => {
      sniffer.take(mutants.buffer, mutants.length, mutants.link);
    }, mutants.describe);
  }
  watch.finish(test);
  test.diagnostic(JSON.stringify(Object.fromEntries(count)));
  for (const type of ['beat', 'stage', 'knock', 'suppressed'] as const) {
    assert.ok((count.get(type) ?? 0) > 0, `no ${type} among the messages`);
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { type AddressWords, addressWords, type Packet } from '../../src/knock/packet.js';
import { Tracker } from '../../src/knock/tracker.js';
import { door, network, OWN, ownAddresses, packetOf, Recorder } from './support.js';

const LEGITIMATE = '192.0.2.1';
const MAX_ATTEMPTS = 10_000;
const MAX_ADVANCED = 100;

/** Tells a recorder of one source only. */
class One extends Recorder {
  readonly #source = addressWords(network(LEGITIMATE));

  override stage(...args: Parameters<Recorder['stage']>): void {
    if (this.#is(args[1])) super.stage(...args);
  }

  override open(...args: Parameters<Recorder['open']>): void {
    if (this.#is(args[1])) super.open(...args);
  }

  override timeout(...args: Parameters<Recorder['timeout']>): void {
    if (this.#is(args[1])) super.timeout(...args);
  }

  #is(source: AddressWords): boolean {
    return source.w3 === this.#source.w3;
  }
}

class Flood {
  readonly recorder = new One();
  readonly tracker = new Tracker(
    [door('7000,8000,9000', { name: 'd' })],
    ownAddresses(OWN),
    { hashKey: [5, 6], maxAttempts: MAX_ATTEMPTS, maxAdvanced: MAX_ADVANCED },
    this.recorder,
  );
  #nowMs = 0;
  #forged = 0;

  /** First knocks from so many sources, none of them seen before. */
  forge(count: number, ports = [7000]): void {
    const packet = packetOf('10.0.0.0', OWN);
    for (let sent = 0; sent < count; sent++) {
      packet.source.w3 = 0x0a000000 + this.#forged++;
      this.#nowMs += 0.003;
      for (const port of ports) this.#send(packet, port);
      assert.ok(this.tracker.attempts <= MAX_ATTEMPTS + MAX_ADVANCED);
    }
  }

  knock(port: number): string[] {
    this.#send(packetOf(LEGITIMATE, OWN), port);
    return this.recorder.take().map((event) => event.replace(`${LEGITIMATE} d `, ''));
  }

  #send(packet: Packet, port: number): void {
    packet.destinationPort = port;
    this.tracker.packet(packet, this.#nowMs);
  }
}

// knockd 0.8: walks a list of them all for each packet, and drops none (test/better/recognition.test.ts).
describe('a million forged sources', () => {
  it('fill the bounds and no more, and a knock in their midst goes through', () => {
    const flood = new Flood();
    flood.forge(200_000);
    assert.equal(flood.tracker.attempts, MAX_ATTEMPTS);
    assert.deepEqual(flood.knock(7000), ['stage 1']);
    flood.forge(MAX_ATTEMPTS - 1);
    assert.deepEqual(flood.knock(8000), ['stage 2']);
    // From here on forged first knocks cannot touch it, however many.
    flood.forge(800_000);
    assert.deepEqual(flood.knock(9000), ['stage 3', 'open']);
    assert.ok(flood.tracker.evicted > 900_000);
  });

  it('push a first knock out only when they are as many as the bound', () => {
    const flood = new Flood();
    flood.knock(7000);
    flood.forge(MAX_ATTEMPTS);
    assert.deepEqual(flood.knock(8000), []);
  });

  it('that know two ports push out a second knock only when they are as many as its bound', () => {
    for (const [count, expected] of [
      [MAX_ADVANCED - 1, ['stage 3', 'open']],
      [MAX_ADVANCED, []],
    ] as const) {
      const flood = new Flood();
      flood.knock(7000);
      flood.knock(8000);
      flood.forge(count, [7000, 8000]);
      assert.deepEqual(flood.knock(9000), expected);
    }
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { TCP_FLAGS } from '../../src/knock/door.js';
import { ANY_FLAGS, door, network, OWN6, ownAddresses, Stand, SYN_ONLY } from './support.js';

const { fin, syn, rst, psh, ack, urg } = TCP_FLAGS;
const A = '192.0.2.1';
const B = '192.0.2.2';
const OPENED = ['d stage 1', 'd stage 2', 'd stage 3', 'd open'];

/** The case table's door. */
function d(more: Parameters<typeof door>[1] = {}): ReturnType<typeof door> {
  return door('7000,8000,9000', { name: 'd', ...more });
}

describe('sequences', () => {
  const cases: [string, string, string[]][] = [
    ['the right ports open', '7000,8000,9000', OPENED],
    ['ports of no door are invisible', '7000,1234,8000,4321,9000', OPENED],
    ['a wrong port ends the attempt', '7000,9000,8000,9000', ['d stage 1']],
    ['a repeated port ends it', '7000,7000,8000,9000', ['d stage 1']],
    ['the packet after the end starts anew', '7000,7000,7000,8000,9000', ['d stage 1', ...OPENED]],
    ['after opening, the next knock starts anew', '7000,8000,9000,7000,8000,9000', [...OPENED, ...OPENED]],
    ['a later port alone does nothing', '8000,9000', []],
    ['the protocol counts', '7000,8000:udp,9000', ['d stage 1']],
  ];
  for (const [what, ports, expected] of cases) {
    it(`${what}: ${ports}`, () => {
      // TCP only, so 8000:udp is the port of another door.
      const stand = new Stand([d(), door('8000:udp,1:udp', { name: 'u' })]);
      const events = stand.knock(ports).filter((event) => event.startsWith('d '));
      assert.deepEqual(events, expected);
    });
  }

  it('a sequence of one port thrice takes three packets', () => {
    const stand = new Stand([door('5,5,5', { name: 'd' })]);
    assert.deepEqual(stand.knock('5,5'), ['d stage 1', 'd stage 2']);
    assert.deepEqual(stand.knock('5'), ['d stage 3', 'd open']);
  });

  it('a door of one port opens at each packet', () => {
    const stand = new Stand([door('7', { name: 'd' })]);
    const once = ['d stage 1', 'd open'];
    assert.deepEqual(stand.knock('7,7,7'), [...once, ...once, ...once]);
    assert.equal(stand.tracker.attempts, 0);
  });

  it('32 ports open', () => {
    const ports = Array.from({ length: 32 }, (_, index) => 100 + index).join(',');
    assert.equal(new Stand([door(ports, { name: 'd' })]).knock(ports).at(-1), 'd open');
  });

  it('a UDP port of another door in between ends the attempt', () => {
    const stand = new Stand([d(), door('53:udp,54:udp', { name: 'u' })]);
    assert.deepEqual(stand.knock('7000,53:udp,8000,9000'), ['d stage 1']);
  });

  it('no doors: nothing counts', () => {
    const stand = new Stand([]);
    assert.equal(stand.send({ destinationPort: 7000 }), false);
  });
});

describe('flags', () => {
  it('a packet with the wrong flags is ignored, not wrong', () => {
    const stand = new Stand([d()]);
    stand.knock('7000');
    assert.equal(stand.send({ destinationPort: 7000, flags: ack }), false);
    assert.equal(stand.send({ destinationPort: 9000, flags: rst }), false);
    assert.deepEqual(stand.knock('8000,9000'), OPENED.slice(1));
  });

  it('SYN+ACK counts with `syn`, not with `syn,!ack`', () => {
    const flags = syn | ack;
    assert.deepEqual(new Stand([d()]).knock('7000,8000,9000', { flags }), OPENED);
    assert.deepEqual(new Stand([d({ flags: SYN_ONLY })]).knock('7000,8000,9000', { flags }), []);
  });

  it('without tcpflags any flags count', () => {
    const stand = new Stand([d({ flags: ANY_FLAGS })]);
    const events = [0, rst, fin | psh | urg].flatMap((flags, step) =>
      stand.knock(['7000', '8000', '9000'][step] ?? '', { flags }),
    );
    assert.deepEqual(events, OPENED);
  });

  it('flags are of TCP only: UDP always fits', () => {
    const stand = new Stand([door('7000:udp,8000', { name: 'd' })]);
    assert.deepEqual(stand.knock('7000:udp,8000'), ['d stage 1', 'd stage 2', 'd open']);
  });

  it('a packet that counts at another door only by its flags does not end the attempt', () => {
    const stand = new Stand([d({ flags: SYN_ONLY }), door('1000', { name: 'any', flags: ANY_FLAGS })]);
    stand.knock('7000');
    // It has an attempt under way, so the packet starts nothing either, although it did nothing to that attempt.
    assert.deepEqual(stand.knock('1000', { flags: ack }), []);
    assert.deepEqual(stand.knock('8000,9000'), OPENED.slice(1));
  });

  it('a packet that counts at another door, and fits the flags of this one, ends the attempt', () => {
    const stand = new Stand([d(), door('1000', { name: 'any', flags: ANY_FLAGS })]);
    assert.deepEqual(stand.knock('7000,1000,8000,9000'), ['d stage 1']);
  });
});

describe('several doors', () => {
  const cases: [string, string[], string, string[]][] = [
    ['doors that share a prefix all open', ['1,2', '1,2,3'], '1,2,3', ['0', '1']],
    ['doors that part ways at the end', ['1,2,3', '1,2,4'], '1,2,4', ['1']],
    ['the same sequence twice', ['1,2', '1,2'], '1,2', ['0', '1']],
    ['interleaved sequences end each other', ['1,2', '3,4'], '1,3,2,4', []],
    ['what ends or advances one attempt starts no other', ['1,2', '2,3'], '1,2,3', ['0']],
    ['what advances starts no other, but the next does', ['1,2', '2,3'], '1,2,2,3', ['0', '1']],
  ];
  for (const [what, sequences, ports, opened] of cases) {
    it(`${what}: ${sequences.join(' and ')}; ${ports}`, () => {
      const stand = new Stand(sequences.map((sequence, index) => door(sequence, { name: String(index) })));
      const events = stand.knock(ports).filter((event) => event.endsWith(' open'));
      assert.deepEqual(
        events,
        opened.map((name) => `${name} open`),
      );
    });
  }

  it('doors of one name are independent, and report in their order', () => {
    const stand = new Stand([d({ id: 901 }), d({ id: 902 })]);
    assert.deepEqual(
      stand.knock('7000,8000,9000'),
      OPENED.flatMap((event) =>
        event === 'd stage 3' ? [event, 'd open', event, 'd open'] : event === 'd open' ? [] : [event, event],
      ),
    );
  });

  it("the ports of Debian's configuration, then the closing door", () => {
    const stand = new Stand([d({ name: 'open' }), door('9000,8000,7000', { name: 'close' })]);
    const events = stand.knock('7000,8000,9000,7000,8000,9000,9000,8000,7000');
    const opened = events.filter((event) => event.endsWith(' open'));
    assert.deepEqual(opened, ['open open', 'open open', 'close open']);
  });
});

describe('sources', () => {
  it('two that knock at once both open', () => {
    const stand = new Stand([d()]);
    for (const port of ['7000', '8000', '9000']) {
      for (const source of [A, B]) stand.send({ source, destinationPort: Number(port) });
    }
    assert.deepEqual(
      stand.recorder.take().filter((event) => event.endsWith('open')),
      [`${A} d open`, `${B} d open`],
    );
  });

  it("one's wrong packet is nothing to the other", () => {
    const stand = new Stand([d()]);
    stand.knock('7000', { source: A });
    stand.knock('7000', { source: B });
    stand.knock('9000', { source: A });
    assert.deepEqual(stand.knock('8000,9000', { source: B }), OPENED.slice(1));
  });

  it('that differ in one word of their address only are different, in one bucket too', () => {
    const words = ['2001:db8', '1:2', '3:4', '5:6'];
    for (const place of words.keys()) {
      // Room for two attempts makes two buckets.
      const stand = new Stand([d()], { maxAttempts: 1, maxAdvanced: 1 });
      stand.knock('7000', { source: words.join(':'), destination: OWN6 });
      for (let other = 1; other < 9; other++) {
        const source = words.with(place, `2001:${other}`).join(':');
        assert.deepEqual(stand.knock('9000', { source, destination: OWN6 }), []);
      }
      assert.deepEqual(stand.knock('8000', { source: words.join(':'), destination: OWN6 }), ['d stage 2']);
    }
  });

  it('IPv4 and IPv6 knocks are separate attempts', () => {
    const stand = new Stand([d()]);
    const source = '2001:db8::99';
    stand.knock('7000', { source, destination: OWN6 });
    stand.knock('7000', { source: A });
    stand.knock('8000', { source, destination: OWN6 });
    assert.deepEqual(stand.knock('8000,9000', { source: A }), OPENED.slice(1));
    stand.send({ source, destination: OWN6, destinationPort: 9000 });
    assert.deepEqual(stand.recorder.take(), [`${source} d stage 3`, `${source} d open`]);
  });
});

describe('destinations', () => {
  it('others than own addresses do not count, broadcast included', () => {
    const stand = new Stand([d()]);
    for (const destination of ['198.51.100.2', '198.51.100.255', '255.255.255.255']) {
      assert.equal(stand.send({ destination, destinationPort: 7000 }), false);
    }
  });

  it('a target is the only one that counts', () => {
    const stand = new Stand([d({ target: network('203.0.113.9') })]);
    assert.deepEqual(stand.knock('7000,8000,9000'), []);
    assert.deepEqual(stand.knock('7000,8000,9000', { destination: '203.0.113.9' }), OPENED);
  });

  it('a packet to another destination neither ends an attempt nor is held up by it', () => {
    const stand = new Stand([d(), door('9000,1', { name: 't', target: network('203.0.113.9') })]);
    stand.knock('7000');
    assert.deepEqual(stand.knock('9000', { destination: '203.0.113.9' }), ['t stage 1']);
    assert.deepEqual(stand.knock('8000,9000'), OPENED.slice(1));
  });

  it('own addresses are followed as they change', () => {
    const stand = new Stand([d()]);
    const destination = '198.51.100.77';
    assert.deepEqual(stand.knock('7000', { destination }), []);
    stand.tracker.setOwnAddresses(ownAddresses(destination));
    assert.deepEqual(stand.knock('7000,8000,9000', { destination }), OPENED);
  });
});

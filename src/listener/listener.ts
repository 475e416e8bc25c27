import type { Duplex } from 'node:stream';

import { errorText, KnockError } from '../base/errors.js';
import type { Door } from '../knock/door.js';
import { captureFilter } from '../knock/filter.js';
import type { Clock } from '../system/clock.js';
import { findUser, giveUpRoot } from '../system/privileges.js';
import { frame, FrameReader } from '../wire/frames.js';
import {
  CONFIG_LIMIT,
  readListenerConfig,
  type ListenerMessage,
  type ListenerConfig,
} from '../wire/listener.js';
import { openCapture } from './capture.js';
import { doorsToHear } from './door-book.js';
import { Sniffer } from './sniffer.js';

/**
 * The listener's life: waits for its order, opens the captures while it still may, gives up root
 * for good, says `ready`, and then listens until the channel closes: when the supervisor is gone,
 * there is nobody to listen for.
 */
export function listen(channel: Duplex, clock: Clock, exit: (code: number) => void): void {
  // What is said at once goes in one piece, and wakes the supervisor once.
  const send = (message: ListenerMessage): void => {
    if (channel.writableCorked === 0) {
      channel.cork();
      process.nextTick(() => {
        channel.uncork();
      });
    }
    channel.write(frame(message));
  };
  const fail = (error: unknown): void => {
    const hint = error instanceof KnockError && error.hint !== undefined ? `; ${error.hint}` : '';
    channel.end(frame({ type: 'fatal', reason: `${errorText(error)}${hint}`.slice(0, 1500) }), () => {
      exit(1);
    });
  };
  let ordered = false;
  const reader = new FrameReader(CONFIG_LIMIT, (message) => {
    if (ordered) throw new KnockError('a second order came');
    ordered = true;
    start(readListenerConfig(message), clock, send, fail);
  });
  channel.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      fail(error);
    }
  });
  channel.on('error', () => {
    exit(1);
  });
  for (const end of ['end', 'close']) {
    channel.on(end, () => {
      exit(0);
    });
  }
}

/**
 * Packets that a capture has room for until we come to them, 683 bytes each. With less, knocks that nobody else recognises are lost under a
 * flood; where the kernel does, the memory is better spared.
 */
const ROOM = 16_384;
const ROOM_TO_TELL = 4_096;
/** Room for self-knocks alone: as many as are sent at once. */
const SELF_KNOCK_ROOM = 64;
/**
 * A command waits for half of this on average, and each look costs 26 µs of a core (measured), whether packets have come or not. What the kernel
 * has carried out already may be told later.
 */
const POLL_MS = 20;
const POLL_TO_TELL_MS = 100;

function start(
  order: ListenerConfig,
  clock: Clock,
  send: (message: ListenerMessage) => void,
  fail: (error: unknown) => void,
): void {
  const user = findUser(order.user);
  if (user === undefined) throw new KnockError(`[listener] user ${order.user} does not exist`);
  const sniffer = new Sniffer(order, clock, send);
  const doors = doorsToHear(order);
  const open = (name: string, heard: readonly Door[], room: number): void => {
    openCapture(
      name,
      (linkType) => captureFilter(heard, linkType, order.selfKnockPort),
      (buffer, length, linkType, wireLength) => {
        sniffer.take(buffer, length, linkType, wireLength);
      },
      {
        room,
        pollMs: order.reportOnly === true ? POLL_TO_TELL_MS : POLL_MS,
        onError: (reason) => {
          fail(new KnockError(`${name}: ${reason}`));
        },
      },
    );
  };
  for (const name of order.interfaces) open(name, doors, order.reportOnly === true ? ROOM_TO_TELL : ROOM);
  // Self-knocks pass the loopback only. Doors are not heard there unless it was asked for.
  const hearsLoopback = order.interfaces.some((name) => name === 'any' || name === 'lo');
  if (order.selfKnockPort !== undefined && !hearsLoopback) open('lo', [], SELF_KNOCK_ROOM);
  giveUpRoot(user);
  send({ type: 'ready', interfaces: order.interfaces });
  sniffer.beat();
  clock.every(order.beatMs, () => {
    sniffer.beat();
  });
}

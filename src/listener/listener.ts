import type { Socket } from 'node:net';

import { errorText, KnockError } from '../base/errors.js';
import { captureFilter } from '../knock/filter.js';
import type { Clock } from '../system/clock.js';
import { findUser, giveUpRoot } from '../system/privileges.js';
import { frame, FrameReader } from '../wire/frames.js';
import { ORDER_LIMIT, readOrder, type ListenerMessage, type ListenOrder } from '../wire/listener.js';
import { openCapture } from './capture.js';
import { doorsToHear } from './door-book.js';
import { Sniffer } from './sniffer.js';

/**
 * The listener's life: waits for its order, opens the captures while it still may, gives up root
 * for good, says `ready`, and then listens until the channel closes: when the supervisor is gone,
 * there is nobody to listen for.
 */
export function listen(channel: Socket, clock: Clock, exit: (code: number) => void): void {
  const send = (message: ListenerMessage): void => {
    channel.write(frame(message));
  };
  const fail = (error: unknown): void => {
    channel.end(frame({ type: 'fatal', reason: errorText(error).slice(0, 1500) }), () => {
      exit(1);
    });
  };
  let ordered = false;
  const reader = new FrameReader(ORDER_LIMIT, (message) => {
    if (ordered) throw new KnockError('a second order came');
    ordered = true;
    start(readOrder(message), clock, send);
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
  channel.on('close', () => {
    exit(0);
  });
}

function start(order: ListenOrder, clock: Clock, send: (message: ListenerMessage) => void): void {
  const user = findUser(order.user);
  if (user === undefined) throw new KnockError(`[listener] user ${order.user} does not exist`);
  const sniffer = new Sniffer(order, clock, send);
  const doors = doorsToHear(order);
  for (const name of order.interfaces) {
    openCapture(
      name,
      (linkType) => captureFilter(doors, linkType),
      (buffer, length, linkType) => {
        sniffer.take(buffer, length, linkType);
      },
    );
  }
  giveUpRoot(user);
  send({ type: 'ready', interfaces: order.interfaces });
  sniffer.beat();
  clock.every(order.beatMs, () => {
    sniffer.beat();
  });
}

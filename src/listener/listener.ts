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
import { allSequences } from './door-book.js';
import { Sniffer } from './sniffer.js';

/**
 * Runs the listener: waits for its configuration, opens the captures with root's rights, drops root for good, sends
 * `ready`, and listens until the channel closes, because without a supervisor there is no receiver.
 */
export function listen(channel: Duplex, clock: Clock, exit: (code: number) => void): void {
  // Messages of one tick are sent together, and wake the supervisor once.
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
  let isConfigured = false;
  const reader = new FrameReader(CONFIG_LIMIT, (message) => {
    if (isConfigured) throw new KnockError('a second order came');
    isConfigured = true;
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
 * Ring capacity in packets, 683 bytes each. With less, knocks that only the listener recognises are lost under a flood;
 * if the kernel recognises them, less memory is enough.
 */
const RING_PACKETS = 16_384;
const REPORT_ONLY_RING_PACKETS = 4_096;
/** Ring capacity for self-knocks only: as many as are sent at once. */
const PROBE_RING_PACKETS = 64;
/**
 * The poll interval. On average a command waits for half of it, and each poll costs 26 µs of a core (measured), with or
 * without packets. Knocks that the kernel has already handled may be reported later.
 */
const POLL_MS = 20;
const REPORT_ONLY_POLL_MS = 100;

function start(
  config: ListenerConfig,
  clock: Clock,
  send: (message: ListenerMessage) => void,
  fail: (error: unknown) => void,
): void {
  const user = findUser(config.user);
  if (user === undefined) throw new KnockError(`[listener] user ${config.user} does not exist`);
  const sniffer = new Sniffer(config, clock, send);
  const doors = allSequences(config);
  const open = (name: string, heard: readonly Door[], capacity: number): void => {
    openCapture(
      name,
      (linkType) => captureFilter(heard, linkType, config.selfKnockPort),
      (buffer, length, linkType, wireLength) => {
        sniffer.handlePacket(buffer, length, linkType, wireLength);
      },
      {
        capacity,
        pollMs: config.reportOnly === true ? REPORT_ONLY_POLL_MS : POLL_MS,
        onError: (reason) => {
          fail(new KnockError(`${name}: ${reason}`));
        },
      },
    );
  };
  for (const name of config.interfaces)
    open(name, doors, config.reportOnly === true ? REPORT_ONLY_RING_PACKETS : RING_PACKETS);
  // Self-knocks use only the loopback. Knocks are not heard there unless it is configured.
  const hearsLoopback = config.interfaces.some((name) => name === 'any' || name === 'lo');
  if (config.selfKnockPort !== undefined && !hearsLoopback) open('lo', [], PROBE_RING_PACKETS);
  giveUpRoot(user);
  send({ type: 'ready', interfaces: config.interfaces });
  sniffer.beat();
  clock.every(config.beatMs, () => {
    sniffer.beat();
  });
}

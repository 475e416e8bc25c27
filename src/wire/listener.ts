import { parseAddress, type Family } from '../base/address.js';
import { impossibleSource } from '../base/impossible.js';
import { ProtocolError } from '../base/errors.js';
import { asciiLine } from '../base/printable.js';
import { MAX_STEPS, type Door, type Step } from '../knock/door.js';
import { hasOnly, isCount, isFields, isList, isText, type Fields } from './guards.js';

/**
 * What the supervisor and the listener say to each other, on descriptor 3 of the listener. Not
 * Node's own IPC: that has no limit on the length of a message, and takes handles.
 */

/** The descriptor of the channel in the listener. */
export const LISTENER_FD = 3;

/** The supervisor's only message: what to do. It comes once, before anything else. */
export interface ListenerConfig {
  readonly type: 'listen';
  readonly interfaces: readonly string[];
  /** Packets of another family count for nothing. */
  readonly families: readonly Family[];
  readonly user: string;
  readonly beatMs: number;
  /** The kernel recognises all knocks, and the listener has but to tell of them: it is to spare memory. */
  readonly reportOnly?: boolean;
  /** A retransmitted copy of the packet just counted is no wrong packet. */
  readonly tolerateDuplicates: boolean;
  /** Where self-knocks come: UDP from this port of 127.0.0.1 to itself. None without a loopback. */
  readonly selfKnockPort?: number;
  /** A door with one-time sequences has the first of them as its own. */
  readonly doors: readonly Door[];
  /** The doors that go on to another sequence each time that they open. */
  readonly oneTime: readonly OneTimeDoor[];
}

/** What is left for a door that opens by each of its sequences once. */
interface OneTimeDoor {
  readonly door: number;
  /** In their order, the current one first; ids are the supervisor's own, 1 or more. */
  readonly sequences: readonly OneTimeSequence[];
}

export interface OneTimeSequence {
  readonly id: number;
  readonly sequence: readonly Step[];
}

/**
 * The order may be long: 1,000 doors of 32 ports, or 10,000 one-time sequences. It comes from root, so only its
 * shape is checked.
 */
export const CONFIG_LIMIT = 16 * 1024 * 1024;

/** What the listener says. It has seen hostile packets: none of it is believed unchecked. */
export type ListenerMessage =
  /** The capture is open and root is given up. */
  | { readonly type: 'ready'; readonly interfaces: readonly string[] }
  /** Alive; how many packets it has seen. */
  | { readonly type: 'beat'; readonly packets: number }
  /** A self-knock was captured: its nonce, in hexadecimal digits. */
  | { readonly type: 'echo'; readonly nonce: string }
  /** This address completed this door; `sequence`: the id of the one-time sequence that was used. */
  | { readonly type: 'knock'; readonly door: number; readonly address: string; readonly sequence?: number }
  /** For the log: an address came to a stage of a door, or its time ran out there. Up to a beat late, and before its knock. */
  | {
      readonly type: 'stage' | 'timeout';
      readonly door: number;
      readonly address: string;
      readonly stage: number;
    }
  /** So many knocks and stage lines were not sent, since there were too many in a short time. */
  | { readonly type: 'suppressed'; readonly count: number }
  /** It cannot go on, and says why; it exits after this. */
  | { readonly type: 'fatal'; readonly reason: string };

/** A self-knock is a datagram of so many random bytes. */
export const NONCE_BYTES = 16;

/** Longest message of the listener, in bytes. */
export const LISTENER_LIMIT = 2048;

/** The message in a frame from the listener; throws ProtocolError where it is not one. */
export function readListenerMessage(frame: unknown): ListenerMessage {
  const message = isFields(frame) ? checkMessage(frame) : undefined;
  if (message === undefined) throw new ProtocolError('the listener sent a malformed message');
  return message;
}

function checkMessage(fields: Fields): ListenerMessage | undefined {
  const { type, door, address, stage } = fields;
  switch (type) {
    case 'ready': {
      const { interfaces } = fields;
      if (!hasOnly(fields, ['type', 'interfaces']) || !isList(interfaces, 64, isPrintedInterface))
        return undefined;
      return { type, interfaces };
    }
    case 'beat': {
      const { packets } = fields;
      return hasOnly(fields, ['type', 'packets']) && isCount(packets) ? { type, packets } : undefined;
    }
    case 'echo': {
      const { nonce } = fields;
      return hasOnly(fields, ['type', 'nonce']) && isNonce(nonce) ? { type, nonce } : undefined;
    }
    case 'knock': {
      const { sequence } = fields;
      if (!hasOnly(fields, ['type', 'door', 'address', 'sequence'])) return undefined;
      if (!isCount(door) || !isCanonical(address)) return undefined;
      if (!Object.hasOwn(fields, 'sequence')) return { type, door, address };
      return isCount(sequence, 1) ? { type, door, address, sequence } : undefined;
    }
    case 'stage':
    case 'timeout':
      if (!hasOnly(fields, ['type', 'door', 'address', 'stage'])) return undefined;
      if (!isCount(door) || !isCanonical(address) || !isCount(stage, 1, MAX_STEPS)) return undefined;
      return { type, door, address, stage };
    case 'suppressed': {
      const { count } = fields;
      return hasOnly(fields, ['type', 'count']) && isCount(count, 1) ? { type, count } : undefined;
    }
    case 'fatal': {
      const { reason } = fields;
      if (!hasOnly(fields, ['type', 'reason']) || !isText(reason, 1500)) return undefined;
      return { type, reason: asciiLine(reason) };
    }
    default:
      return undefined;
  }
}

/** The order in a frame from the supervisor; throws ProtocolError where it is not one. */
export function readListenerConfig(frame: unknown): ListenerConfig {
  if (isFields(frame) && isListenerConfig(frame)) return frame;
  throw new ProtocolError('the supervisor sent a malformed order');
}

function isListenerConfig(fields: Fields): fields is Fields & ListenerConfig {
  return (
    fields['type'] === 'listen' &&
    isList(fields['interfaces'], 64, isInterface) &&
    isList(fields['families'], 2, isFamily) &&
    isText(fields['user'], 64) &&
    isCount(fields['beatMs'], 1) &&
    ['boolean', 'undefined'].includes(typeof fields['reportOnly']) && // of a supervisor of before an upgrade
    typeof fields['tolerateDuplicates'] === 'boolean' &&
    (fields['selfKnockPort'] === undefined || isCount(fields['selfKnockPort'], 1, 65_535)) &&
    isList(fields['doors'], 100_000, isDoor) &&
    isList(fields['oneTime'], 100_000, isOneTimeDoor)
  );
}

function isDoor(value: unknown): value is Door {
  return (
    isFields(value) &&
    isCount(value['id']) &&
    isText(value['name'], 4096) &&
    Array.isArray(value['sequence']) &&
    typeof value['windowMs'] === 'number' &&
    isFields(value['flags']) &&
    (value['cooldownMs'] === undefined || isCount(value['cooldownMs'], 1))
  );
}

function isOneTimeDoor(value: unknown): value is OneTimeDoor {
  return isFields(value) && isCount(value['door']) && isList(value['sequences'], 100_000, isOneTimeSequence);
}

function isOneTimeSequence(value: unknown): value is OneTimeSequence {
  return isFields(value) && isCount(value['id'], 1) && Array.isArray(value['sequence']);
}

function isNonce(value: unknown): value is string {
  return typeof value === 'string' && value.length === 2 * NONCE_BYTES && /^[0-9a-f]*$/.test(value);
}

function isFamily(value: unknown): value is Family {
  return value === 4 || value === 6;
}

function isInterface(value: unknown): value is string {
  return isText(value, 32);
}

/** What goes to the log as the listener says it. */
function isPrintedInterface(value: unknown): value is string {
  return isInterface(value) && asciiLine(value) === value;
}

/** An address in its one canonical form, which a packet can come from; anything else is refused, not normalised. */
function isCanonical(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const parsed = parseAddress(value);
  return parsed.ok && parsed.value.text === value && impossibleSource(parsed.value) === undefined;
}

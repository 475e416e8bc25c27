import { EXIT, ProtocolError, type ExitCode } from '../base/errors.js';
import { MAX_TIMEOUT_S } from '../base/limits.js';
import { LISTS, type ListName } from '../base/lists.js';
import {
  hasOnly,
  isCount,
  isFields,
  isList,
  isString,
  isText,
  listOf,
  oneOf,
  optional,
  shapeOf,
  type Fields,
  type Guard,
} from './guards.js';
import { isTrialTime } from './start/start-request.js';

/** What commands ask of the supervisor over its control socket, and what they get. */

/** Longest request, in bytes: room for some 100,000 addresses, which go to the kernel as one batch. */
export const REQUEST_LIMIT = 8 * 1024 * 1024;
/** Longest reply, in bytes: a list of 1,000,000 entries. The supervisor is root: only a bound against faults. */
export const REPLY_LIMIT = 512 * 1024 * 1024;
const MAX_ITEMS = 1_000_000;
/** Longest target, in characters; a host name has at most 253. */
export const MAX_TARGET = 256;

export type Request =
  | {
      readonly verb: 'accept';
      readonly targets: readonly string[];
      readonly timeoutS?: number;
      readonly service?: string;
      readonly force?: boolean;
    }
  | {
      readonly verb: 'drop';
      readonly targets: readonly string[];
      readonly timeoutS?: number;
      readonly force?: boolean;
      /** Where the caller's own SSH session comes from (SSH_CONNECTION). */
      readonly session?: string;
    }
  | { readonly verb: 'trust'; readonly targets: readonly string[]; readonly save?: boolean }
  | { readonly verb: 'untrust'; readonly targets: readonly string[]; readonly save?: boolean }
  | { readonly verb: 'flush'; readonly targets: readonly string[] }
  | { readonly verb: 'list'; readonly list?: ListName }
  | { readonly verb: 'status' }
  | { readonly verb: 'events'; readonly follow?: boolean }
  | {
      readonly verb: 'reload';
      /** For so many seconds only, until it is confirmed. */
      readonly trialS?: number;
      /** Where the caller's own SSH session comes from, and the port it is at. */
      readonly session?: string;
      readonly port?: number;
    }
  | { readonly verb: 'confirm' }
  /** `keep`: what is in the kernel stays, for a supervisor that takes over. */
  | { readonly verb: 'stop'; readonly keep?: boolean };

export type VerbName = Request['verb'];
/** The requests of one verb. */
export type RequestOf<V extends VerbName> = Extract<Request, { readonly verb: V }>;

/** One thing that a command has to say. Notes and warnings go to standard error, results to standard output. */
export interface Remark {
  readonly level: 'result' | 'note' | 'error';
  readonly text: string;
  /** What to do next. */
  readonly hint?: string;
}

/** The answer to a request: how the command exits, what it says, and the same as data for --json. */
export interface Reply {
  readonly exitCode: ExitCode;
  readonly remarks: readonly Remark[];
  readonly data?: unknown;
}

/** One thing that happened, as `events` shows it. Every one has its place in time and its number. */
export interface EventRecord {
  readonly number: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** What kind: `state`, `knock`, `accept`, `drop`, `listener`, … */
  readonly kind: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What stands in a frame from the supervisor: the answer, or (for `events`) one happening of many. */
export type ControlFrame =
  { readonly type: 'reply'; readonly reply: Reply } | { readonly type: 'event'; readonly event: EventRecord };

/** What each verb's request may hold besides `verb`. */
const KEYS: Readonly<Record<VerbName, readonly string[]>> = {
  accept: ['targets', 'timeoutS', 'service', 'force'],
  drop: ['targets', 'timeoutS', 'force', 'session'],
  trust: ['targets', 'save'],
  untrust: ['targets', 'save'],
  flush: ['targets'],
  list: ['list'],
  status: [],
  events: ['follow'],
  reload: ['trialS', 'session', 'port'],
  confirm: [],
  stop: ['keep'],
};

/** The request in a frame; throws ProtocolError where it is not one. Targets are checked by the verbs. */
export function readRequest(frame: unknown): Request {
  if (isFields(frame) && isRequest(frame)) return frame;
  throw new ProtocolError('malformed request');
}

/** The frame that the supervisor sent; throws ProtocolError where it is not one. */
export function readControlFrame(frame: unknown): ControlFrame {
  if (isFields(frame) && isControlFrame(frame)) return frame;
  throw new ProtocolError('the supervisor sent a malformed reply');
}

function isRequest(fields: Fields): fields is Fields & Request {
  const { verb, targets } = fields;
  if (typeof verb !== 'string' || !isVerb(verb)) return false;
  if (!hasOnly(fields, ['verb', ...KEYS[verb]])) return false;
  if (KEYS[verb].includes('targets') && !(isList(targets, MAX_ITEMS, isTarget) && targets.length > 0))
    return false;
  return (
    isAbsentOr(fields['timeoutS'], (value) => isCount(value, 0, MAX_TIMEOUT_S)) &&
    isAbsentOr(fields['trialS'], isTrialTime) &&
    isAbsentOr(fields['port'], (value) => isCount(value, 1, 65_535)) &&
    isAbsentOr(fields['service'], (value) => isText(value, 64)) &&
    isAbsentOr(fields['session'], (value) => isText(value, 64)) &&
    isAbsentOr(fields['list'], (value) => LISTS.some((list) => list === value)) &&
    ['force', 'save', 'follow', 'keep'].every((key) =>
      isAbsentOr(fields[key], (value) => typeof value === 'boolean'),
    )
  );
}

function isVerb(text: string): text is VerbName {
  return Object.hasOwn(KEYS, text);
}

function isTarget(value: unknown): value is string {
  return isText(value, MAX_TARGET);
}

function isAbsentOr(value: unknown, check: (value: unknown) => boolean): boolean {
  return value === undefined || check(value);
}

const isRemark = shapeOf<Remark>({
  level: oneOf('result', 'note', 'error'),
  text: isString,
  hint: optional(isString),
});

/** What its data should be depends on the request. */
const isReply = shapeOf<Omit<Reply, 'data'>>({
  exitCode: oneOf(...Object.values(EXIT)),
  remarks: listOf(isRemark),
});

/** One thing that happened. */
export const isEventRecord: Guard<EventRecord> = shapeOf<EventRecord>({
  number: (value) => isCount(value),
  time: isString,
  kind: isString,
  text: isString,
  fields: isFields,
});

/** What a supervisor answers to `events`. */
export const isEventRecords: Guard<readonly EventRecord[]> = listOf(isEventRecord);

function isControlFrame(fields: Fields): fields is Fields & ControlFrame {
  return fields['type'] === 'event'
    ? isEventRecord(fields['event'])
    : fields['type'] === 'reply' && isReply(fields['reply']);
}

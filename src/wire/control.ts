import { EXIT, ProtocolError, type ExitCode } from '../base/errors.js';
import { MAX_TIMEOUT_S } from '../base/limits.js';
import {
  COMMANDS,
  isCommand,
  type CommandArguments,
  type CommandName,
  type OptionName,
} from '../base/commands.js';
import { LISTS } from '../base/lists.js';
import {
  hasOnly,
  isBoolean,
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
  type TypeGuard,
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

/** A request is a command with its arguments (base/commands.ts). */
export type Request = RequestOf<CommandName>;
/** The requests of these commands. */
export type RequestOf<C extends CommandName> = C extends CommandName
  ? { readonly verb: C } & CommandArguments<C>
  : never;

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

/** What each option may hold. */
const OPTIONS: Readonly<Record<OptionName, (value: unknown) => boolean>> = {
  timeoutS: (value) => isCount(value, 0, MAX_TIMEOUT_S),
  trialS: isTrialTime,
  port: (value) => isCount(value, 1, 65_535),
  service: (value) => isText(value, 64),
  session: (value) => isText(value, 64),
  list: (value) => LISTS.some((list) => list === value),
  force: isBoolean,
  spare: isBoolean,
  save: isBoolean,
  follow: isBoolean,
  keep: isBoolean,
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
  if (typeof verb !== 'string' || !isCommand(verb)) return false;
  const command = COMMANDS[verb];
  const options: readonly OptionName[] = command.options;
  if (!hasOnly(fields, ['verb', ...(command.targets ? ['targets'] : []), ...options])) return false;
  if (command.targets && !(isList(targets, MAX_ITEMS, isTarget) && targets.length > 0)) return false;
  return options.every((option) => fields[option] === undefined || OPTIONS[option](fields[option]));
}

function isTarget(value: unknown): value is string {
  return isText(value, MAX_TARGET);
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
export const isEventRecord: TypeGuard<EventRecord> = shapeOf<EventRecord>({
  number: (value) => isCount(value),
  time: isString,
  kind: isString,
  text: isString,
  fields: isFields,
});

/** What a supervisor answers to `events`. */
export const isEventRecords: TypeGuard<readonly EventRecord[]> = listOf(isEventRecord);

function isControlFrame(fields: Fields): fields is Fields & ControlFrame {
  return fields['type'] === 'event'
    ? isEventRecord(fields['event'])
    : fields['type'] === 'reply' && isReply(fields['reply']);
}

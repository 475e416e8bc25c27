import { LISTS, type ListName } from '../base/lists.js';
import {
  isBoolean,
  isNumber,
  isString,
  listOf,
  nullOr,
  oneOf,
  optional,
  shapeOf,
  type TypeGuard,
} from './guards.js';
import { STATUS_STATES, type StatusState } from './state.js';

/** What replies hold as data, and `--json` prints. */

/** What `knockctl status --json` prints. Times in seconds. */
export interface StatusReport {
  readonly state: StatusState;
  /** What the state means. */
  readonly meaning: string;
  /** ISO 8601, UTC: since when, and why. */
  readonly since: string;
  readonly reason: string;
  readonly pid: number | null;
  readonly backend: string | null;
  readonly listener: {
    readonly pid: number | null;
    readonly interfaces: readonly string[];
    readonly packets: number;
    /** Seconds since it was last heard; null where there is none. */
    readonly silent: number | null;
    /** The last self-knock that came back: its round trip in milliseconds, and how many seconds ago; null: none has. */
    readonly selfKnock: {
      readonly roundTrip: number;
      readonly age: number;
      /** Sent to this listener, and not come back: a sign of packets that the capture loses. */
      readonly asked: number;
      readonly lost: number;
    } | null;
  } | null;
  /** False: somebody gets to a port of a service whom it is said to be shut for; null: there is no service, nothing is shut. */
  readonly protected: boolean | null;
  /** What this kernel lacks to read all packets, in words. */
  readonly lacking?: readonly string[];
  /** What decides about our services before knockctl does. */
  readonly exposures: readonly ExposureReport[];
  readonly services: readonly ServiceReport[];
  /** Repairs of rules and sets that others undid, since the start. */
  readonly repairs: { readonly count: number; readonly last: string | null; readonly time: string | null };
  readonly doors: readonly DoorReport[];
  readonly pendingStops: number;
  readonly entriesKept: KeeperReport;
  /** ISO 8601, UTC; null where none comes. */
  readonly nextHealthCheck: string | null;
  readonly configuration: string | null;
  /** Rules on trial: seconds until the kernel goes back, and when that is, ISO 8601, UTC; null: none are. */
  readonly trial: { readonly left: number; readonly until: string } | null;
  /** Files that were tried and not confirmed, so that others are in force: in words; null: there are none. */
  readonly unconfirmed: string | null;
  /** Files of the configuration that others could have written, so that they do not count; of a supervisor of before an upgrade, absent. */
  readonly leftOut?: readonly LeftOutReport[];
}

/** A file that cannot be trusted: why, what of it is left out, and the command that fixes it. */
interface LeftOutReport {
  readonly text: string;
  readonly fix: string;
}

/** A rule of others that decides about a service before knockctl does. */
export interface ExposureReport {
  /**
   * `open`: everybody gets in; `exception`: some sources do, by a rule of the administrator's; `unknown`: cannot be judged;
   * `refused`: everybody is kept out, whoever has knocked included; `knock`: the kernel's doors do not see their knocks;
   * `note`: has no effect beside `gate = strict`, or gets round the gate and not round the table filter.
   */
  readonly kind: 'open' | 'exception' | 'unknown' | 'refused' | 'knock' | 'note';
  /** Null: it is about doors. */
  readonly service: string | null;
  readonly family: 4 | 6;
  readonly ports: readonly number[];
  readonly table: string;
  /** Where the rule stands, as `iptables -L CHAIN --line-numbers` counts, and its text; null: no rule decides. */
  readonly chain: string | null;
  readonly number: number | null;
  readonly rule: string | null;
  /** Who that is, in words: `everybody`, `10.0.0.0/8`. */
  readonly sources: string;
  readonly text: string;
  /** What fixes it; null: nothing has to. */
  readonly fix: string | null;
}

/** Where a door is recognised: by the listener in any case. */
export interface Recognised {
  readonly name: string;
  /** The families in which the kernel recognises it too, with nothing of ours running. */
  readonly kernel: readonly (4 | 6)[];
  /** Why not in the others; empty where it does in all. */
  readonly reasons: readonly string[];
}

export interface DoorReport extends Recognised {
  readonly sequence: string;
  /** Knocks that the kernel carried out since its rules were made; doors of one name share the number. */
  readonly knocks: number;
}

/** How it is with the entries on disk. */
export interface KeeperReport {
  /** ISO 8601, UTC: when entries were last written; null: not yet in this life. */
  readonly saved: string | null;
  /** Why what has changed since could not be written; null where nothing is wrong. */
  readonly problem: string | null;
}

export interface ServiceReport {
  readonly name: string;
  readonly protocol: string;
  readonly ports: readonly number[];
  readonly onFailure: string;
  /** `strict`: no rule of the table filter opens the ports; else `normal`. */
  readonly gate?: 'normal' | 'strict';
  /** Seconds until the kernel's switch trips; null: tripped. */
  readonly switchLeft: number | null;
  /** Chains and jump, by family: whether they are in force as they should be. */
  readonly rules: readonly {
    readonly family: 4 | 6;
    readonly chains: boolean;
    readonly jump: boolean;
    /** Somebody else's chain that the jump waits for, where it is not there. */
    readonly awaits?: string | undefined;
    /** The tables in which they are: with `gate = strict` either of the two shuts. */
    readonly whole?: readonly ('filter' | 'mangle')[] | undefined;
    /** Why iptables does not tell the rules of this family; ours were then looked at by a second way. */
    readonly unread?: string | undefined;
    /** No way tells whether ours are there: `chains` and `jump` are false for want of knowledge. */
    readonly unknown?: true | undefined;
  }[];
  /** Why the sets could not be looked at: `switchLeft` and `entries` then say nothing. */
  readonly setsUnread?: string | undefined;
  readonly entries: {
    readonly banned: number;
    readonly trusted: number;
    readonly filter: number;
    /** Of the banned: those whom doors have banned. */
    readonly decoyed: number;
    /** Of the filter: those granted by hand for longer than a knock gives. */
    readonly granted: number;
  };
}

/** One line of `knockctl list`. */
export interface ListedEntry {
  readonly service: string;
  readonly list: ListName;
  readonly address: string;
  /** Seconds left; null: for ever. */
  readonly timeout: number | null;
  /** Who put it there: `cli`, `door NAME`, `file`, `file HOST`; empty where the kernel does not know. */
  readonly by: string;
  /** True for a ban that a door caused; else absent. */
  readonly decoyed?: true;
}

/** Something that `knockctl doctor` found out about this host. */
export interface Finding {
  /** `danger`: the protection is void, or somebody will be locked out. */
  readonly level: 'good' | 'note' | 'warning' | 'danger';
  /** What was found. */
  readonly text: string;
  /** What that means. */
  readonly effect?: string;
  /** What to do about it: a command, or a line of a file. */
  readonly fix?: string;
}

const isFamily = oneOf(4, 6);
const isStrings = listOf(isString);
const isNumbers = listOf(isNumber);

const isListenerReport = shapeOf<NonNullable<StatusReport['listener']>>({
  pid: nullOr(isNumber),
  interfaces: isStrings,
  packets: isNumber,
  silent: nullOr(isNumber),
  selfKnock: nullOr(shapeOf({ roundTrip: isNumber, age: isNumber, asked: isNumber, lost: isNumber })),
});

const isExposureReport = shapeOf<ExposureReport>({
  kind: oneOf('open', 'exception', 'unknown', 'refused', 'knock', 'note'),
  service: nullOr(isString),
  family: isFamily,
  ports: isNumbers,
  table: isString,
  chain: nullOr(isString),
  number: nullOr(isNumber),
  rule: nullOr(isString),
  sources: isString,
  text: isString,
  fix: nullOr(isString),
});

const isServiceReport = shapeOf<ServiceReport>({
  name: isString,
  protocol: isString,
  ports: isNumbers,
  onFailure: isString,
  gate: optional(oneOf('normal', 'strict')),
  switchLeft: nullOr(isNumber),
  rules: listOf(
    shapeOf<ServiceReport['rules'][number]>({
      family: isFamily,
      chains: isBoolean,
      jump: isBoolean,
      awaits: optional(isString),
      whole: optional(listOf(oneOf('filter', 'mangle'))),
      unread: optional(isString),
      unknown: optional(oneOf(true)),
    }),
  ),
  setsUnread: optional(isString),
  entries: shapeOf<ServiceReport['entries']>({
    banned: isNumber,
    trusted: isNumber,
    filter: isNumber,
    decoyed: isNumber,
    granted: isNumber,
  }),
});

const isDoorReport = shapeOf<DoorReport>({
  name: isString,
  kernel: listOf(isFamily),
  reasons: isStrings,
  sequence: isString,
  knocks: isNumber,
});

/** What a supervisor answers to `status`. */
export const isStatusReport: TypeGuard<StatusReport> = shapeOf<StatusReport>({
  state: oneOf(...STATUS_STATES),
  meaning: isString,
  since: isString,
  reason: isString,
  pid: nullOr(isNumber),
  backend: nullOr(isString),
  listener: nullOr(isListenerReport),
  protected: nullOr(isBoolean),
  lacking: optional(isStrings),
  exposures: listOf(isExposureReport),
  services: listOf(isServiceReport),
  repairs: shapeOf({ count: isNumber, last: nullOr(isString), time: nullOr(isString) }),
  doors: listOf(isDoorReport),
  pendingStops: isNumber,
  entriesKept: shapeOf<KeeperReport>({ saved: nullOr(isString), problem: nullOr(isString) }),
  nextHealthCheck: nullOr(isString),
  configuration: nullOr(isString),
  trial: nullOr(shapeOf({ left: isNumber, until: isString })),
  unconfirmed: nullOr(isString),
  leftOut: optional(listOf(shapeOf<LeftOutReport>({ text: isString, fix: isString }))),
});

/** What a supervisor, or the kernel without one, answers to `list`. */
export const isListing: TypeGuard<readonly ListedEntry[]> = listOf(
  shapeOf<ListedEntry>({
    service: isString,
    list: oneOf(...LISTS),
    address: isString,
    timeout: nullOr(isNumber),
    by: isString,
    decoyed: optional(oneOf(true)),
  }),
);

import type { Settings } from './settings.js';

/** The rule template in the folder of `[paths] rules`. */
export const RULES_FILE = 'service.rules';
/** `[paths] rules` where what is there does not count. */
export const NO_FOLDER = '';

/** The run and state folders, and the files in them. */
export interface RunPaths {
  /** Lives as long as the kernel does. */
  readonly run: string;
  readonly state: string;
  /** flock(2) held for as long as a supervisor lives. */
  readonly lock: string;
  readonly socket: string;
  /** Process number and start time of the supervisor, and of its listener. */
  readonly supervisor: string;
  /** What `knockctl start` wants of a supervisor that systemd starts, and how that start went. */
  readonly wish: string;
  readonly outcome: string;
  readonly listener: string;
  /** Where listeners that systemd starts connect; a number follows. */
  readonly listenerSockets: string;
  /** What of ours is in the kernel. */
  readonly inventory: string;
  /** How many knocks the kernel has carried out. */
  readonly knockCounters: string;
  /** Starts by cron that failed one after the other. */
  readonly failedStarts: string;
  /** How shell lines ended that systemd runs. */
  readonly lines: string;
  /** Last known addresses of trusted hosts. */
  readonly resolved: string;
  /** Stop commands of doors that wait for their time. */
  readonly stops: string;
  /** Who is accepted or banned: a file for each set. */
  readonly entries: string;
  /** Who is trusted by hand, for as long as the kernel lives. */
  readonly trustedEntries: string;
  /** What has happened. */
  readonly events: string;
  readonly snapshots: string;
  /** A configuration that was tried and is not confirmed, and what was in force before. */
  readonly unconfirmed: string;
  /** The log of a detached supervisor that was given no other place for it. */
  readonly log: string;
}

/** The pid file, unless knockd.conf or the command line names another. */
export function defaultPidFile(run: string): string {
  return `${run}/knockctl.pid`;
}

export function runPaths({ run, state }: Settings['paths']): RunPaths {
  return {
    run,
    state,
    lock: `${run}/lock`,
    socket: `${run}/control.sock`,
    supervisor: `${run}/supervisor`,
    wish: `${run}/wish.json`,
    outcome: `${run}/outcome.json`,
    listener: `${run}/listener`,
    listenerSockets: `${run}/listener-`,
    inventory: `${run}/kernel.json`,
    knockCounters: `${run}/kernel-knocks.json`,
    failedStarts: `${run}/failed-starts.json`,
    lines: `${run}/lines`,
    resolved: `${state}/resolved.json`,
    stops: `${state}/stops.json`,
    entries: `${state}/entries`,
    trustedEntries: `${run}/entries`,
    events: `${state}/events.jsonl`,
    snapshots: `${state}/snapshots`,
    unconfirmed: `${state}/unconfirmed.json`,
    log: `${state}/knockctl.log`,
  };
}

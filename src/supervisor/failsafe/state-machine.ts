import type { State } from '../../wire/state.js';

/** The life of the service as a total table: every state answers every event. Pure (docs/fail-safety.md, "States"). */

export const EVENTS = [
  /** Sets and chains are to be built, the listener to be started. */
  'start',
  /** The listener listens, and everything that feeding needs holds. */
  'sound',
  /** The listener died, or had to be killed. */
  'listener-lost',
  /** It has been away for longer than the switch may be fed without it, or will not stay up. */
  'given-up',
  /** The same, and no service needs it: the kernel recognises all that opens them. */
  'given-up-unneeded',
  /** Our rules or sets could not be verified, or not be repaired. */
  'rules-unsure',
  /** Somebody undoes our rules again and again. */
  'contested',
  /** Nobody has fought us for a while. */
  'calm',
  'stop',
  /** Nothing of ours is left in the kernel. */
  'removed',
] as const;
export type Event = (typeof EVENTS)[number];

/** What each state means to a user, in a few words. */
export const MEANING: Readonly<Record<State, string>> = {
  stopped: 'no rules of ours are in force',
  preparing: 'getting ready: no new rule is in force yet, and what was in force stays so',
  armed: 'shut to all but trusted and accepted addresses; knocks are heard',
  degraded: 'shut; the listener is being restarted',
  tripped: 'new connections meet on_failure; restarts go on',
  contested:
    'somebody keeps undoing our rules; we do not fight: new connections meet on_failure, or what is left of it',
  stopping: 'taking our rules out',
};

/** What `armed` means without a service. */
export const NOTHING_SHUT = 'nothing is shut: there is no service; doors run their commands';

const selfTransitions = (state: State): Readonly<Record<Event, State>> => ({
  start: state,
  sound: state,
  'listener-lost': state,
  'given-up': state,
  'given-up-unneeded': state,
  'rules-unsure': state,
  contested: state,
  calm: state,
  stop: state,
  removed: state,
});

const TABLE: Readonly<Record<State, Readonly<Record<Event, State>>>> = {
  stopped: { ...selfTransitions('stopped'), start: 'preparing' },
  preparing: {
    ...selfTransitions('preparing'),
    sound: 'armed',
    'given-up': 'tripped',
    'given-up-unneeded': 'degraded',
    stop: 'stopping',
  },
  armed: {
    ...selfTransitions('armed'),
    'listener-lost': 'degraded',
    'given-up': 'tripped',
    'given-up-unneeded': 'degraded',
    'rules-unsure': 'tripped',
    contested: 'contested',
    stop: 'stopping',
  },
  degraded: {
    ...selfTransitions('degraded'),
    sound: 'armed',
    'given-up': 'tripped',
    'rules-unsure': 'tripped',
    contested: 'contested',
    stop: 'stopping',
  },
  tripped: {
    ...selfTransitions('tripped'),
    sound: 'armed',
    'given-up-unneeded': 'degraded',
    contested: 'contested',
    stop: 'stopping',
  },
  contested: { ...selfTransitions('contested'), calm: 'tripped', stop: 'stopping' },
  stopping: { ...selfTransitions('stopping'), removed: 'stopped' },
};

/** The state after an event. */
export function next(state: State, event: Event): State {
  return TABLE[state][event];
}

/** Whether what others undo is repaired. */
export function repairs(state: State): boolean {
  return feeds(state) || state === 'tripped';
}

/** Whether the kernel switch is fed in a state. With any doubt it is not: a trip undoes itself at the next feed. */
export function feeds(state: State): boolean {
  return state === 'armed' || state === 'degraded';
}

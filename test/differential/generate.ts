import { TCP_FLAGS, type Step } from '../../src/knock/door.js';
import { Dice } from './dice.js';
import { DEFAULT_WINDOW_S, flagsFit, type Action, type DoorSpec, type Knock } from './doors.js';
import { AttemptList } from './known-faults.js';

/** Packets of up to three sources, which leave no attempt behind. */
export interface Case {
  readonly sources: readonly string[];
  readonly before: readonly Knock[];
  /** What comes after the pause of the group; nothing where it has none. */
  readonly after: readonly Knock[];
}

/** A configuration, and cases for it that do not touch each other. */
export interface Group {
  readonly doors: readonly DoorSpec[];
  readonly cases: readonly Case[];
  /** A pause longer than every window, between `before` and `after` of all cases; 0: none. */
  readonly pauseMs: number;
}

const CASES = 8;
/** Fewer where what comes before the pause of all is sent at once: no more than our capture can hold (see Pair.run). */
const PAUSED_CASES = 6;
/** Every so many groups there is one with a pause. */
const PAUSE_EVERY = 8;
/** knockd counts whole seconds, so that 2 s are over after 1 to 2 s; ours reads its clock when it takes the packet. */
const PAUSE = { windowS: 2, pauseMs: 2_600 };

const { fin, syn, rst, psh, ack, urg } = TCP_FLAGS;
const FLAG_LISTS: readonly DoorSpec['flags'][] = [
  ['syn'],
  ['syn'],
  ['syn', '!ack'],
  [],
  ['!syn'],
  ['ack'],
  ['fin', 'psh', 'urg'],
  ['!rst', '!fin'],
];
const FLAGS = [syn, syn, syn | ack, ack, 0, rst, rst | ack, fin | psh | urg, psh | ack];
const ACTIONS: readonly Action[] = ['start', 'start', 'stop', 'stop', 'own6', 'empty6', 'none'];
const WINDOWS = [10, 10, 60, DEFAULT_WINDOW_S, DEFAULT_WINDOW_S, 0];
const STRANGE_PORTS = [4321, 7007, 9999];

const END_PORT = 65_001;
/**
 * Each ends whatever is under way, and opens where nothing is: UDP has no flags that could make it be ignored, and no
 * other door has the port.
 */
const ENDS = [false, true].map((target): DoorSpec => {
  const steps = [{ protocol: 'udp', port: END_PORT }] as const;
  const name = target ? 'end-target' : 'end';
  return { name, steps, flags: [], windowS: DEFAULT_WINDOW_S, action: 'none', target };
});

/**
 * Group `number` of a seed: doors that share ports and beginnings, TCP and UDP, flags with and without `!`, some with
 * a target; packets that follow a door, stray, have other flags or destinations, or go to ports of no door; sources of both families that
 * interleave.
 *
 * Left out, by rule, is what knockd is known to get wrong, and knockctl gets right on purpose (knockd-compat.md):
 * 1. A packet that makes the oldest attempt of all leave knockd's list while a younger one is under way: knockd drops
 *    them all. known-faults.ts foresees it; the packet is not sent. What is left of interleaved sources and of doors
 *    that share a beginning is where knockd does as it should.
 * 2. Time between T-1 and T: knockd counts whole seconds. Windows are 10 s and more and all is sent at once, or 2 s
 *    and the pause is 2.6 s, or 0 and the window is always over.
 * 3. Windows of different length with a pause: see 1, for the oldest might be over alone.
 * 4. IPv6 extension headers, VLAN tags, fragments: knockd does not look through them.
 */
export function makeGroup(seed: number, number: number): Group {
  const dice = new Dice(seed, number);
  const paused = number % PAUSE_EVERY === PAUSE_EVERY - 1;
  const doors = [...makeDoors(dice, paused), ...ENDS];
  const cases = Array.from({ length: paused ? PAUSED_CASES : CASES }, (_, index) =>
    makeCase(new Dice(seed, number, index), doors, paused, sourcesOf(number, index)),
  );
  return { doors, cases, pauseMs: paused ? PAUSE.pauseMs : 0 };
}

function makeDoors(dice: Dice, paused: boolean): DoorSpec[] {
  const doors: DoorSpec[] = [];
  const count = 2 + dice.number(5);
  while (doors.length < count) {
    const shared = doors.length > 0 && dice.chance(40) ? dice.pick(doors).steps : [];
    const begin = shared.slice(0, dice.number(shared.length + 1));
    const rest = Array.from({ length: dice.number(4) }, () => makeStep(dice));
    const steps = [...begin, ...rest];
    if (steps.length === 0) steps.push(makeStep(dice));
    doors.push({
      name: `d${doors.length + 1}`,
      steps,
      flags: dice.pick(FLAG_LISTS),
      windowS: paused ? PAUSE.windowS : dice.pick(WINDOWS),
      action: dice.pick(ACTIONS),
      target: dice.chance(12),
    });
  }
  return doors;
}

function makeStep(dice: Dice): Step {
  return { protocol: dice.chance(25) ? 'udp' : 'tcp', port: 7001 + dice.number(6) };
}

/** Addresses that the server has no way back to: it answers none of them. */
function sourcesOf(group: number, index: number): string[] {
  const host = (which: number): number => 10 * index + which;
  const part = (group + 1).toString(16);
  return [
    `198.18.${group}.${host(1)}`,
    `2001:db8::${part}:${host(2).toString(16)}`,
    `198.19.${group}.${host(3)}`,
    `2001:db8::${part}:${host(4).toString(16)}`,
  ];
}

function makeCase(dice: Dice, doors: readonly DoorSpec[], paused: boolean, all: readonly string[]): Case {
  const first = dice.number(2);
  const sources = all.slice(first, first + 1 + dice.number(3));
  const list = new AttemptList(doors);
  const before = makeKnocks(dice, doors, list, sources);
  if (!paused) return { sources, before: [...before, ...ending(list, sources)], after: [] };
  list.pause();
  const after = makeKnocks(dice, doors, list, sources);
  return { sources, before, after: [...after, ...ending(list, sources)] };
}

function makeKnocks(
  dice: Dice,
  doors: readonly DoorSpec[],
  list: AttemptList,
  sources: readonly string[],
): Knock[] {
  const walkers = sources.map((source) => new Walker(dice, doors, source));
  const knocks: Knock[] = [];
  // Most packets in runs of one source, some in turn.
  let walker = dice.pick(walkers);
  for (let left = 6 + dice.number(18); left > 0; left -= 1) {
    if (dice.chance(25)) walker = dice.pick(walkers);
    const knock = walker.next();
    if (list.take(knock)) knocks.push(knock);
  }
  return knocks;
}

/** Two packets for each: where an attempt was left the first ends it and the second opens, else both open. */
function ending(list: AttemptList, sources: readonly string[]): Knock[] {
  const knocks: Knock[] = [];
  const end = (source: string, toTarget: boolean): void => {
    if (knocks.some((knock) => knock.source === source && knock.toTarget === toTarget)) return;
    const knock: Knock = { source, toTarget, protocol: 'udp', port: END_PORT, flags: 0, options: false };
    for (const each of [knock, knock]) {
      if (!list.take(each)) throw new Error('the generator cannot end an attempt');
      knocks.push(each);
    }
  };
  for (const { source, toTarget } of list.youngestFirst()) end(source, toTarget);
  for (const source of sources) end(source, false);
  for (const source of sources.filter(isIpv4)) end(source, true);
  return knocks;
}

function isIpv4(source: string): boolean {
  return !source.includes(':');
}

/** One source on its way: it follows a door, and strays now and then. */
class Walker {
  readonly #dice: Dice;
  readonly #doors: readonly DoorSpec[];
  readonly #source: string;
  #door: DoorSpec;
  #step = 0;

  constructor(dice: Dice, doors: readonly DoorSpec[], source: string) {
    this.#dice = dice;
    this.#doors = doors;
    this.#source = source;
    this.#door = dice.pick(doors);
  }

  next(): Knock {
    const dice = this.#dice;
    const ipv4 = isIpv4(this.#source);
    const common = {
      source: this.#source,
      options: ipv4 && dice.chance(5),
      // Now and then to the other of the two destinations.
      toTarget: ipv4 && dice.chance(3) !== this.#door.target,
    };
    if (dice.chance(6)) return { ...common, ...makeStep(dice), flags: dice.pick(FLAGS) };
    if (dice.chance(6)) return { ...common, protocol: 'tcp', port: dice.pick(STRANGE_PORTS), flags: syn };
    const { protocol, port } = this.#door.steps[this.#step] ?? makeStep(dice);
    const fitting = FLAGS.filter((flags) => flagsFit(this.#door, { protocol: 'tcp', flags }));
    const right = dice.chance(92);
    const flags = protocol === 'udp' ? 0 : dice.pick(right ? fitting : FLAGS);
    if (right) this.#step += 1;
    if (this.#step >= this.#door.steps.length || dice.chance(6)) {
      this.#door = dice.pick(this.#doors);
      this.#step = 0;
    }
    return { ...common, protocol, port, flags };
  }
}

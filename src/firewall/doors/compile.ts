import type { Family } from '../../base/address.js';
import { countsBeginnings, coveredPorts, type Door, type Protocol } from '../../knock/door.js';
import { jumpTag } from '../model/names.js';
import type { SetSpec } from '../sets/set-specs.js';
import type { TableName } from '../model/table-name.js';
import type { DesiredService, Jump } from '../rules/template.js';
import { doorChains, hasAttempts, type RuledDoor } from './chains.js';
import {
  destinationOf,
  inSet,
  portMatches,
  rule,
  stepMatch,
  targetText,
  type Destination,
  notInSet,
} from './match.js';
import {
  doorNames,
  doneSet,
  doorsLabel,
  othersChain,
  openChain,
  startChain,
  stepChain,
  underWayChain,
  windowSet,
  cooldownSet,
} from '../model/door-names.js';
import type { KernelAction, Placement } from './eligibility.js';
import { doorSets, cooldownSets } from './sets.js';

/** Doors into sets and rules that recognise knocks with no process alive. Pure. */

export interface CompileSettings {
  readonly family: Family;
  /** Begins all names (doorsInstance). */
  readonly instance: string;
  /** Where knocks are heard; `any` is everywhere. */
  readonly interfaces: readonly string[];
  readonly duplicates: 'strict' | 'tolerate';
  /** How many sources each door has room for at once. */
  readonly sources: number;
  /**
   * Where the rules stand; filter where it is not said. In front of a second gate (gate.ts), which would keep knocks at
   * a service's own port from them, and never in both tables: a knock would be counted twice.
   */
  readonly table?: TableName;
}

/** A door that opens with nothing of ours running. */
interface KernelDoor {
  readonly door: Door;
  readonly action: KernelAction;
  /** The packets of this chain's last rule are the knocks that were carried out. */
  readonly chain: string;
}

/** What one family of the kernel must hold for the doors; nothing at all where none opens in it. */
export interface CompiledDoors {
  readonly sets: readonly SetSpec[];
  /** Chains and jumps. The jumps belong first into their chain, whatever `hook` says: they lead back to it. */
  readonly rules: DesiredService;
  readonly doors: readonly KernelDoor[];
  /** The sets of services that the rules add to, or take from: each must hold its sentinel (sentinelLine). */
  readonly touched: readonly string[];
}

/**
 * Compiles the doors of one family, all of them: as with knockd, a packet that counts at any door ends attempts at the
 * others, and who has an attempt under way begins no other. So doors that the kernel does not open are followed as well.
 */
export function compileDoors(placements: readonly Placement[], settings: CompileSettings): CompiledDoors {
  const { family, instance, sources } = settings;
  const all = namedDoors(placements, settings).filter(
    ({ door }) => (door.target?.family ?? family) === family,
  );
  const doors = all.flatMap(({ door, action, base }) =>
    action === undefined ? [] : [{ door, action, chain: openChain(base) }],
  );
  if (doors.length === 0) return nothing(instance);
  const targets = new Map(all.flatMap(({ door: { target } }) => (target ? [[target.text, target]] : [])));
  const to = (door: Door): Destination => destinationOf(door.target, family, targets.size > 0);
  const followed = all.filter(hasAttempts);
  const chains = new Map<string, readonly string[]>([
    [doorsLabel(instance), [...admissionRules(all, settings), ...coverRules(all, settings)]],
    [stepChain(instance), [...stepRules(all, settings, to), ...sameWork(all, family)]],
  ]);
  if (coverRules(all, settings).length > 0) {
    const others = [...IMPOSSIBLE[family], ...sameLookups(all, family, to), ...sameWork(all, family)];
    chains.set(othersChain(instance), others);
  }
  if (followed.length > 0) {
    const judge = (ruled: RuledDoor): string => underWay(ruled, family, to, `-j ${ruled.base}`);
    chains.set(underWayChain(instance), followed.map(judge));
  }
  for (const ruled of all) {
    for (const [chain, rules] of doorChains(ruled, settings)) chains.set(chain, rules);
  }
  const ends = [...targets.values()].map((target) => targetText(target, family));
  return {
    sets: [
      ...followed.flatMap(({ door, base }) => doorSets(door, base, family, sources)),
      ...all
        .filter((ruled) => begins(ruled))
        .flatMap(({ door, base }) => cooldownSets(door, base, family, sources)),
    ],
    rules: {
      service: doorsLabel(instance),
      chains,
      jumps: jumps(settings, ends),
      first: true,
      ...(settings.table === undefined ? {} : { table: settings.table }),
    },
    doors,
    touched: touchedSets([...chains.values()].flat(), all),
  };
}

function nothing(instance: string): CompiledDoors {
  const rules = { service: doorsLabel(instance), chains: new Map(), jumps: [], first: true } as const;
  return { sets: [], rules, doors: [], touched: [] };
}

function namedDoors(placements: readonly Placement[], { instance, sources }: CompileSettings): RuledDoor[] {
  const names = doorNames(
    placements.map(({ door }) => door),
    sources,
    instance,
  );
  return placements.map(({ door, action }, index) => ({ door, action, base: names[index] ?? '' }));
}

/** One rule for each kind of packet that counts at some door; such a packet goes on, once. */
function admissionRules(doors: readonly RuledDoor[], { family, instance }: CompileSettings): string[] {
  interface Admission {
    readonly door: Door;
    readonly protocol: Protocol;
    readonly ports: Set<number>;
  }
  const admissions = new Map<string, Admission>();
  for (const { door } of doors) {
    for (const { protocol, port } of door.sequence) {
      const flags = protocol === 'tcp' ? `${door.flags.mask} ${door.flags.value}` : '';
      const key = `${protocol} ${flags} ${door.target?.text ?? ''}`;
      const admission = admissions.get(key) ?? { door, protocol, ports: new Set() };
      admissions.set(key, admission);
      admission.ports.add(port);
    }
  }
  return [...admissions.values()].flatMap(({ door, protocol, ports }) => {
    const { before, behind } = destinationOf(door.target, family, true);
    const sorted = [...ports].sort((a, b) => a - b);
    return portMatches(protocol, sorted, door.flags).map((match) =>
      rule(before, `-p ${protocol}`, match, behind, `-g ${stepChain(instance)}`),
    );
  });
}

/** More doors are too many to be asked for each connection that somebody begins. */
const MOST_COVERED = 16;

/** Doors whose knocks are to take no longer than other packets that begin a connection. */
function covered(doors: readonly RuledDoor[]): RuledDoor[] {
  if (doors.length > MOST_COVERED) return [];
  return doors.filter(({ door: { flags, sequence, target } }) => {
    const hasTcp = sequence.some(({ protocol }) => protocol === 'tcp');
    return hasTcp && countsBeginnings(flags) && target === undefined;
  });
}

/** By the time that an answer takes nobody is to find the ports: packets that begin a connection to any other are looked at as well. */
function coverRules(doors: readonly RuledDoor[], { family, instance }: CompileSettings): string[] {
  const { before, behind } = destinationOf(undefined, family, true);
  const rules = covered(doors).map(({ door: { flags } }) => {
    const tcp = covered(doors).flatMap(({ door }) =>
      door.sequence.filter(({ protocol }) => protocol === 'tcp'),
    );
    const { first, last } = coveredPorts(tcp.map(({ port }) => port));
    const match = stepMatch({ protocol: 'tcp', port: `${first}:${last}` }, flags);
    return rule(before, '-p tcp', match, behind, `-g ${othersChain(instance)}`);
  });
  return [...new Set(rules)];
}

/** What a packet meets that begins at a door, as matches that do nothing. */
function sameLookups(doors: readonly RuledDoor[], family: Family, to: (door: Door) => Destination): string[] {
  const underWay = doors.filter(hasAttempts).map(({ door, base }) => {
    const { before, behind } = to(door);
    return rule(before, behind, inSet(windowSet(base, family)));
  });
  const begin = doors.flatMap(({ door }) => {
    const [first] = door.sequence;
    if (first === undefined) return [];
    const { before, behind } = to(door);
    return [rule(before, `-p ${first.protocol}`, stepMatch(first, door.flags), behind)];
  });
  return [...underWay, ...begin];
}

/** What the chain does that an attempt begins with: it takes out of sets, and adds to one. */
function sameWork(doors: readonly RuledDoor[], family: Family): string[] {
  const [one] = covered(doors).filter(hasAttempts);
  if (one === undefined) return [];
  const done = one.door.sequence.slice(2).map((_, index) => doneSet(one.base, index + 2, family));
  const cool = one.door.cooldownMs === undefined ? [] : [cooldownSet(one.base, family)];
  return [...cool, ...done, windowSet(one.base, family)].map(inSet);
}

/**
 * Sources that no packet from elsewhere can have: our own addresses, and what is nobody's. Asked where packets are few. The kernel
 * drops most of them itself before (net.ipv4.conf.*.route_localnet and accept_local let them through), but not in every chain and
 * version; of IPv6 it knows own addresses by this match, and the rest by their prefixes.
 */
const IMPOSSIBLE: Readonly<Record<Family, readonly string[]>> = {
  4: ['-m addrtype ! --src-type UNICAST -j RETURN'],
  6: [
    '-s ::/127 -j RETURN',
    '-s ::ffff:0.0.0.0/96 -j RETURN',
    '-s ff00::/8 -j RETURN',
    '-m addrtype --src-type LOCAL -j RETURN',
  ],
};

/** Who has an attempt under way goes on with it; all others may begin. */
function stepRules(
  doors: readonly RuledDoor[],
  { family, instance }: CompileSettings,
  to: (door: Door) => Destination,
): string[] {
  const goOn = doors
    .filter(hasAttempts)
    .map((ruled) => underWay(ruled, family, to, `-g ${underWayChain(instance)}`));
  const begin = doors.flatMap((ruled) => {
    const { door, base } = ruled;
    const [first] = door.sequence;
    const start = hasAttempts(ruled) ? startChain(base) : openChain(base);
    if (first === undefined || !begins(ruled)) return [];
    const { before, behind } = to(door);
    const rested = door.cooldownMs === undefined ? '' : notInSet(cooldownSet(base, family));
    const packet = rule(`-p ${first.protocol}`, stepMatch(first, door.flags));
    return [rule(before, packet, behind, rested, `-j ${start}`)];
  });
  return [...IMPOSSIBLE[family], ...goOn, ...begin];
}

/** Without attempts and without an action there is nothing to begin; with no time there never is. */
function begins(ruled: RuledDoor): boolean {
  return hasAttempts(ruled) || (ruled.action !== undefined && ruled.door.sequence.length === 1);
}

function underWay(
  { door, base }: RuledDoor,
  family: Family,
  to: (door: Door) => Destination,
  target: string,
): string {
  const { before, behind } = to(door);
  return rule(before, behind, inSet(windowSet(base, family)), target);
}

/**
 * One jump for each interface from INPUT, and from FORWARD for each target. Whose address it is is asked behind them,
 * of what comes to our ports: to ask it of every packet costs 0.3 µs each (measured).
 */
function jumps({ interfaces, instance }: CompileSettings, targets: readonly string[]): Jump[] {
  const label = doorsLabel(instance);
  const last = `-m comment --comment "${jumpTag(label)}" -j ${label}`;
  // What the host sends to itself counts nowhere, but where the loopback is named: local users could tell by the time that it takes.
  const ways = interfaces.includes('any') ? ['! -i lo'] : interfaces.map((name) => `-i ${name}`);
  return ways.flatMap((way) => [
    { chain: 'INPUT', rule: rule(way, last) },
    ...targets.map((to) => ({
      chain: 'FORWARD',
      rule: rule(`-d ${to}`, way === '! -i lo' ? '' : way, last),
    })),
  ]);
}

/** The sets of others that our rules add to or take from. */
function touchedSets(rules: readonly string[], doors: readonly RuledDoor[]): string[] {
  const own = doors.map(({ base }) => base);
  const sets = rules.flatMap((text) => /-j SET --(?:add|del)-set (\S+)/.exec(text)?.[1] ?? []);
  return [...new Set(sets)].filter((set) => !own.some((base) => set.startsWith(`${base}_`))).sort();
}

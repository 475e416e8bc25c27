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

/** Compiles doors into sets and rules that recognise knocks without any process. Pure. */

export interface CompileSettings {
  readonly family: Family;
  /** The prefix of all names (doorsInstance). */
  readonly instance: string;
  /** The interfaces on which knocks count; `any` is all. */
  readonly interfaces: readonly string[];
  readonly duplicates: 'strict' | 'tolerate';
  /** How many simultaneous sources each door has capacity for. */
  readonly sources: number;
  /**
   * The table of the rules; filter by default. With a strict gate it is mangle, before the gate, which would otherwise
   * drop knocks at a service's own port. Never both tables: a knock would count twice.
   */
  readonly table?: TableName;
}

/** A door that the kernel opens without any process. */
interface KernelDoor {
  readonly door: Door;
  readonly action: KernelAction;
  /** The packets counted by this chain's last rule are the accepted knocks. */
  readonly chain: string;
}

/** The desired state of the doors in one family; empty if no door opens in it. */
export interface CompiledDoors {
  readonly sets: readonly SetSpec[];
  /** Chains and jumps. The jumps go first in their chain, whatever `hook` says: the doors return to it. */
  readonly rules: DesiredService;
  readonly doors: readonly KernelDoor[];
  /** The sets of services that the rules change: each must hold its sentinel (sentinelLine). */
  readonly touched: readonly string[];
}

/**
 * Compiles all doors of one family. As in knockd, a packet that counts at any door ends attempts at the others, and a
 * source with an attempt under way begins no other. So the rules also follow doors that the kernel does not open.
 */
export function compileDoors(placements: readonly Placement[], settings: CompileSettings): CompiledDoors {
  const { family, instance, sources } = settings;
  const all = namedDoors(placements, settings).filter(
    ({ door }) => (door.target?.family ?? family) === family,
  );
  const doors = all.flatMap(({ door, action, base }) =>
    action === undefined ? [] : [{ door, action, chain: openChain(base) }],
  );
  if (doors.length === 0) return noDoors(instance);
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

function noDoors(instance: string): CompiledDoors {
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

/** Builds one rule for each kind of packet that counts at any door; such a packet continues once. */
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

/** The limit for covered doors: more would cost too much for each new connection. */
const MOST_COVERED = 16;

/** Doors whose knocks must take no longer than other packets that open a connection. */
function covered(doors: readonly RuledDoor[]): RuledDoor[] {
  if (doors.length > MOST_COVERED) return [];
  return doors.filter(({ door: { flags, sequence, target } }) => {
    const hasTcp = sequence.some(({ protocol }) => protocol === 'tcp');
    return hasTcp && countsBeginnings(flags) && target === undefined;
  });
}

/**
 * Sends packets that open a connection to any other port through the same work, so that response times do not reveal
 * the knock ports.
 */
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

/** The matches that a packet passes when it begins an attempt, without effect. */
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

/** The same number of set operations as at the beginning of an attempt, without effect. */
function sameWork(doors: readonly RuledDoor[], family: Family): string[] {
  const [one] = covered(doors).filter(hasAttempts);
  if (one === undefined) return [];
  const done = one.door.sequence.slice(2).map((_, index) => doneSet(one.base, index + 2, family));
  const cool = one.door.cooldownMs === undefined ? [] : [cooldownSet(one.base, family)];
  return [...cool, ...done, windowSet(one.base, family)].map(inSet);
}

/**
 * Sources that no packet from outside can have: the host's own addresses, and unassigned ones. Checked only where
 * packets are few. The kernel drops most of them before (net.ipv4.conf.*.route_localnet and accept_local let them
 * through), but not in every chain and version. For IPv6, the match knows own addresses, and the prefixes cover the
 * rest.
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

/** Continues the attempt of a source that has one under way; all others may begin one. */
function stepRules(
  doors: readonly RuledDoor[],
  { family, instance }: CompileSettings,
  to: (door: Door) => Destination,
): string[] {
  const continueRules = doors
    .filter(hasAttempts)
    .map((ruled) => underWay(ruled, family, to, `-g ${underWayChain(instance)}`));
  const beginRules = doors.flatMap((ruled) => {
    const { door, base } = ruled;
    const [first] = door.sequence;
    const start = hasAttempts(ruled) ? startChain(base) : openChain(base);
    if (first === undefined || !begins(ruled)) return [];
    const { before, behind } = to(door);
    const rested = door.cooldownMs === undefined ? '' : notInSet(cooldownSet(base, family));
    const packet = rule(`-p ${first.protocol}`, stepMatch(first, door.flags));
    return [rule(before, packet, behind, rested, `-j ${start}`)];
  });
  return [...IMPOSSIBLE[family], ...continueRules, ...beginRules];
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
 * Builds one jump for each interface from INPUT, and from FORWARD for each target. The destination address is checked
 * after the jumps, only for packets to knock ports: checking every packet costs 0.3 µs each (measured).
 */
function jumps({ interfaces, instance }: CompileSettings, targets: readonly string[]): Jump[] {
  const label = doorsLabel(instance);
  const last = `-m comment --comment "${jumpTag(label)}" -j ${label}`;
  // Local traffic does not count, unless the loopback is listed: local users could measure its timing.
  const ways = interfaces.includes('any') ? ['! -i lo'] : interfaces.map((name) => `-i ${name}`);
  return ways.flatMap((way) => [
    { chain: 'INPUT', rule: rule(way, last) },
    ...targets.map((to) => ({
      chain: 'FORWARD',
      rule: rule(`-d ${to}`, way === '! -i lo' ? '' : way, last),
    })),
  ]);
}

/** Returns the sets outside the doors that these rules change. */
function touchedSets(rules: readonly string[], doors: readonly RuledDoor[]): string[] {
  const own = doors.map(({ base }) => base);
  const sets = rules.flatMap((text) => /-j SET --(?:add|del)-set (\S+)/.exec(text)?.[1] ?? []);
  return [...new Set(sets)].filter((set) => !own.some((base) => set.startsWith(`${base}_`))).sort();
}

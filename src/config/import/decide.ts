import { quote, type Family } from '../../base/address.js';

import type { PortLookUp } from '../shadow.js';

import { isSameRule, type Change, type DoorReading, type Left, type VerbLine } from './doors.js';
import type { Place } from './effect.js';
import type { DoorRule } from './line.js';
import { mentions } from './mention.js';
import { overlaps, placeOf, samePlace, ServiceBook } from './services.js';

/** What is done with the commands of all doors together. */
export interface Decision {
  readonly changes: readonly Change[];
  readonly left: readonly Left[];
  readonly verbs: readonly VerbLine[];
  readonly services: ServiceBook;
  /** The families that the changed rules opened; empty where verbs of ours open both. */
  readonly families: readonly Family[];
  /** Verbs for a service of which nothing is known. */
  readonly unknown: readonly { readonly line: number; readonly message: string }[];
}

/**
 * Weighs the doors against each other: a place is taken over by a service wholly or not at all, since
 * its doors would otherwise add rules behind the service’s jump, or delete rules that nobody adds now.
 */
export function decide(doors: readonly DoorReading[], lookUp: PortLookUp): Decision {
  const verbs = doors.flatMap((door) => door.verbs);
  const left = doors.flatMap((door) => door.left);
  let changes = doors.flatMap((door) => door.changes);
  const leave = (reasonOf: (change: Change) => string | undefined): void => {
    for (const change of changes) {
      const reason = reasonOf(change);
      if (reason !== undefined) left.push(...leftLines(change, reason));
    }
    changes = changes.filter((change) => !left.some(({ line }) => line === change.line));
  };

  leave(withoutCounterpart(changes, verbs));
  leave(withOtherPorts(changes, verbs));
  const run = left.filter(({ isRun }) => isRun);
  leave(({ rule }) => {
    const { place } = rule;
    if (place === undefined || rule.verdict === 'DROP') return undefined;
    const other = run.find((one) => mentions(one.line.value, place, lookUp));
    if (other === undefined) return undefined;
    return (
      `line ${other.line.number} stays with the shell and seems to be about ${describePlace(place)} too: ` +
      'a port is taken over whole or not at all'
    );
  });
  const { services, unknown } = gatherServices(changes, verbs, lookUp);
  leave(({ rule }) => {
    if (rule.verdict === 'ACCEPT') return undefined;
    const { place } = rule;
    if (services.isEmpty) return 'knockctl bans from its services, and there would be none';
    if (place === undefined || services.nameOf(place) !== undefined) return undefined;
    return `knockctl bans from its services, and ${describePlace(place)} is none of them`;
  });
  return { changes, left, verbs, services, families: familiesOf(changes, verbs), unknown };
}

/** `tcp port 22`, with the chain where it is not INPUT. */
export function describePlace({ protocol, ports, chain }: Place): string {
  return `${protocol} port${ports.length > 1 ? 's' : ''} ${ports.join(', ')}${chain === 'INPUT' ? '' : ` in ${chain}`}`;
}

function leftLines({ line, stop }: Change, reason: string): Left[] {
  return [line, ...(stop === undefined ? [] : [stop.line])].map((one) => ({
    line: one,
    reason,
    isRun: true,
  }));
}

type ReasonOf = (change: Change) => string | undefined;

/** The rules of lines that may be verbs, and of those that are. */
function rulesOf(changes: readonly Change[], verbs: readonly VerbLine[]): DoorRule[] {
  return [...changes.map(({ rule }) => rule), ...verbs.flatMap(({ earlier }) => earlier ?? [])];
}

function withoutCounterpart(changes: readonly Change[], verbs: readonly VerbLine[]): ReasonOf {
  const added = rulesOf(changes, verbs).filter((rule) => rule.adds);
  return ({ rule }) => {
    if (rule.adds || added.some((one) => isSameRule(one, rule))) return undefined;
    // To refuse everybody who is not let in is what a service does.
    const isShut = added.some(({ place }) => isPlace(place, rule.place) && rule.isForAll);
    return isShut ? undefined : 'it deletes a rule that no door here adds exactly so';
  };
}

function isPlace(one: Place | undefined, other: Place | undefined): boolean {
  return one !== undefined && other !== undefined && samePlace(one, other);
}

/** A port belongs to one service: doors that open it with different others cannot both be its. */
function withOtherPorts(changes: readonly Change[], verbs: readonly VerbLine[]): ReasonOf {
  const places = rulesOf(changes, verbs).flatMap(({ verdict, place }) =>
    verdict === 'ACCEPT' && place !== undefined ? [place] : [],
  );
  return ({ rule: { place, verdict } }) => {
    const other = place && verdict === 'ACCEPT' ? places.find((one) => overlaps(one, place)) : undefined;
    if (place === undefined || other === undefined) return undefined;
    return (
      `it is about ${describePlace(place)}, and another door about ${describePlace(other)}: a port belongs to one service; ` +
      'write one [service.NAME] with all of them, and knockctl accept %IP% --service NAME, by hand'
    );
  };
}

/** The services that changed doors and verbs need: those that a verb names first, since they have their names. */
function gatherServices(
  changes: readonly Change[],
  verbs: readonly VerbLine[],
  lookUp: PortLookUp,
): Pick<Decision, 'services' | 'unknown'> {
  const services = new ServiceBook();
  const unknown: Decision['unknown'][number][] = [];
  const addByName = (name: string, line: number): void => {
    const place = placeOf(name, lookUp);
    if (place !== undefined) services.addNamed(name, place);
    else {
      const message = `--service ${quote(name)}: the file does not tell which port that is; it is one of knockctl’s already, and needs no import`;
      unknown.push({ line, message });
    }
  };
  for (const { line, command, earlier } of verbs) {
    if (earlier?.place !== undefined) continue;
    if (command.service !== undefined || command.verb === 'accept')
      addByName(command.service ?? 'ssh', line.number);
  }
  const places = [
    ...changes.map(({ line, rule }) => ({ line, rule, name: undefined })),
    ...verbs.map(({ line, command, earlier }) => ({
      line,
      rule: command.verb === 'accept' ? earlier : undefined,
      name: command.service,
    })),
  ].toSorted((a, b) => a.line.number - b.line.number);
  for (const { rule, name } of places) {
    if (rule?.place === undefined || rule.verdict === 'DROP') continue;
    if (name === undefined) services.add(rule.place);
    else services.addNamed(name, rule.place);
  }
  if (services.isEmpty && verbs.length > 0) addByName('ssh', 0);
  return { services, unknown };
}

function familiesOf(changes: readonly Change[], verbs: readonly VerbLine[]): readonly Family[] {
  const rules = [
    ...changes.map(({ rule }) => rule),
    ...verbs.filter(({ command }) => command.verb === 'accept').map(({ earlier }) => earlier),
  ];
  // A verb that was none of iptables’ opens both families.
  if (rules.includes(undefined)) return [];
  const opening = rules.flatMap((rule) => (rule?.adds === true && rule.verdict === 'ACCEPT' ? [rule] : []));
  // A tool that does not say it may have opened both.
  if (opening.some(({ families }) => families.length === 0)) return [];
  return [...new Set(opening.flatMap(({ families }) => families))].toSorted();
}

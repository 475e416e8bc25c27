/** New connections that a rule need not tell apart, and how a rule divides them. Pure. */
import { intersect, subtract, union, type Ranges } from './ranges.js';

/**
 * How sure it is that packets of a box exist and go this way: `sure`; `choice`: for any source, but not for each of its
 * packets (a limit, a length, whatever its sender decides about); `few`: for sources that are known in advance to be few,
 * such as the members of a set; `unknown`: a condition that cannot be judged.
 */
export type Certainty = 'sure' | 'choice' | 'few' | 'unknown';

const ORDER: readonly Certainty[] = ['sure', 'choice', 'few', 'unknown'];

/** Some of all new connections to a port: each field is a condition of its own, and all of them hold. */
export interface Box {
  readonly sources: Ranges;
  readonly destinations: Ranges;
  readonly sourcePorts: Ranges;
  /** The interface that they come in by, `eth0` or `eth+`; undefined: any but those in `except`. */
  readonly only: string | undefined;
  readonly except: readonly string[];
  readonly certainty: Certainty;
  /** What is said of who that is, where it is not the addresses: `members of the set office`. */
  readonly notes: readonly string[];
}

type Field = 'sources' | 'destinations' | 'sourcePorts';

/** One condition of a rule, for one kind of new connection. */
export type Condition =
  | { readonly kind: 'always' | 'never' }
  | { readonly kind: 'ranges'; readonly field: Field; readonly ranges: Ranges; readonly negated: boolean }
  | { readonly kind: 'interface'; readonly name: string; readonly negated: boolean }
  | {
      readonly kind: 'doubt';
      readonly matched: Certainty;
      readonly unmatched: Certainty;
      readonly note: string | undefined;
    };

/** The part of a box that a rule matches, and what is left of it. */
interface Split {
  readonly matched: Box | undefined;
  readonly rest: readonly Box[];
}

/** Divides a box by the conditions of a rule. */
export function split(box: Box, conditions: readonly Condition[]): Split {
  const rest: Box[] = [];
  let matched = box;
  let leaksAll = false;
  for (const condition of conditions) {
    const [inside, outside] = divide(matched, condition);
    if (inside === undefined) return { matched: undefined, rest: [box] };
    if (condition.kind === 'doubt' && condition.unmatched === 'sure') leaksAll = true;
    else if (outside !== undefined) rest.push(outside);
    matched = inside;
  }
  return { matched, rest: leaksAll ? [box] : rest };
}

/** The worse of both. */
export function worse(one: Certainty, other: Certainty): Certainty {
  return ORDER.indexOf(one) < ORDER.indexOf(other) ? other : one;
}

/** All of these boxes in one, which may hold more than they do. */
export function around(boxes: readonly Box[]): Box | undefined {
  const [first, ...others] = boxes;
  if (first === undefined) return undefined;
  const all = (field: Field): Ranges =>
    others.reduce<Ranges>((sum, box) => union(sum, box[field]), first[field]);
  const isOne = others.every((box) => box.only === first.only);
  return {
    sources: all('sources'),
    destinations: all('destinations'),
    sourcePorts: all('sourcePorts'),
    only: isOne ? first.only : undefined,
    except: first.except.filter((name) => others.every((box) => box.except.includes(name))),
    certainty: boxes.some(({ certainty }) => certainty === 'sure' || certainty === 'choice')
      ? 'choice'
      : 'unknown',
    notes: [],
  };
}

/** A packet, as far as boxes tell packets apart. */
interface Packet {
  readonly source: bigint;
  readonly destination: bigint;
  readonly sourcePort?: bigint;
  readonly interface: string;
}

/** Whether a packet is in a box, as far as its fields say. */
export function holds(box: Box, packet: Packet): boolean {
  const isIn = (ranges: Ranges, value: bigint): boolean =>
    ranges.some(({ first, last }) => first <= value && value <= last);
  const { sourcePort } = packet;
  return (
    isIn(box.sources, packet.source) &&
    isIn(box.destinations, packet.destination) &&
    (sourcePort === undefined || isIn(box.sourcePorts, sourcePort)) &&
    (box.only === undefined || covers(box.only, packet.interface)) &&
    !box.except.some((name) => covers(name, packet.interface))
  );
}

type Parts = readonly [inside: Box | undefined, outside: Box | undefined];

function divide(box: Box, condition: Condition): Parts {
  switch (condition.kind) {
    case 'always':
      return [box, undefined];
    case 'never':
      return [undefined, box];
    case 'ranges':
      return divideRanges(box, condition);
    case 'interface': {
      const inside = through(box, condition.name);
      const outside = notThrough(box, condition.name);
      return condition.negated ? [outside, inside] : [inside, outside];
    }
    case 'doubt': {
      const notes = condition.note === undefined ? box.notes : [...box.notes, condition.note];
      return [
        { ...box, certainty: worse(box.certainty, condition.matched), notes },
        { ...box, certainty: worse(box.certainty, condition.unmatched) },
      ];
    }
  }
}

function divideRanges(box: Box, { field, ranges, negated }: Condition & { kind: 'ranges' }): Parts {
  const part = (of: Ranges): Box | undefined => (of.length === 0 ? undefined : { ...box, [field]: of });
  const inside = part(intersect(box[field], ranges));
  const outside = part(subtract(box[field], ranges));
  return negated ? [outside, inside] : [inside, outside];
}

function through(box: Box, name: string): Box | undefined {
  const { only } = box;
  if (box.except.some((one) => covers(one, name))) return undefined;
  if (only === undefined || covers(only, name)) return { ...box, only: name };
  return covers(name, only) ? box : undefined;
}

function notThrough(box: Box, name: string): Box | undefined {
  if (box.only !== undefined && covers(name, box.only)) return undefined;
  return { ...box, except: [...box.except.filter((one) => !covers(name, one)), name] };
}

/** Whether each interface of the second pattern is one of the first. */
function covers(pattern: string, other: string): boolean {
  if (!pattern.endsWith('+')) return pattern === other;
  return other.replace(/\+$/, '').startsWith(pattern.slice(0, -1));
}

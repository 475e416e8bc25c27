/** Whom a rule is about, in words. Pure. */
import type { Family } from '../../base/address.js';
import type { Box } from './box.js';
import { networksOf, sizeOf, subtract, type Ranges } from './ranges.js';

/** So many networks are named; of more it is said how many there are. */
const NAMED = 4;

/** `everybody that comes in by eth0`; `all`: the sources that there can be. */
export function whoComes(boxes: readonly Box[], sources: Ranges, all: Ranges, family: Family): string {
  const [first] = boxes;
  const notes = [...new Set(boxes.flatMap((box) => box.notes))];
  const base = addresses(sources, all, family);
  const who =
    notes.length === 0 ? base : [notes.join(', '), ...(base === EVERYBODY ? [] : [base])].join(' of ');
  if (first === undefined) return who;
  const { only, except, sourcePorts } = first;
  const is = (same: (box: Box) => boolean): boolean => boxes.every(same);
  const words = [
    ...(only !== undefined && is((box) => box.only === only) ? [`by ${only}`] : []),
    ...(only === undefined && except.length > 1 && boxes.length === 1
      ? [`by other interfaces than ${except.filter((name) => name !== 'lo').join(', ')}`]
      : []),
    ...(sizeOf(sourcePorts) < 65_536n && boxes.length === 1
      ? [`from source port ${portsOf(sourcePorts)}`]
      : []),
  ];
  return [who, ...words].join(' ');
}

const EVERYBODY = 'everybody';

function addresses(sources: Ranges, all: Ranges, family: Family): string {
  const missing = subtract(all, sources);
  if (missing.length === 0) return EVERYBODY;
  const named = networksOf(sources, family, NAMED);
  if (named !== undefined) return named.join(', ');
  const others = networksOf(missing, family, NAMED);
  if (others !== undefined) return `${EVERYBODY} but ${others.join(', ')}`;
  return sources.length > missing.length
    ? `${EVERYBODY} but ${missing.length} ranges of addresses`
    : `${sources.length} ranges of addresses`;
}

function portsOf(ranges: Ranges): string {
  const names = ranges.map(({ first, last }) => (first === last ? String(first) : `${first}:${last}`));
  return names.slice(0, NAMED).join(', ') + (names.length > NAMED ? ' …' : '');
}

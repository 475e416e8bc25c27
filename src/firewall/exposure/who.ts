/** Describes the sources of a rule. Pure. */
import type { Family } from '../../base/address.js';
import type { Box } from './box.js';
import { networksOf, sizeOf, subtract, type Ranges } from './ranges.js';

/** How many networks are listed; of more, only the number is given. */
const MAX_LISTED = 4;

/** Describes sources, such as `everybody by eth0`; `all`: all possible sources. */
export function describeSources(boxes: readonly Box[], sources: Ranges, all: Ranges, family: Family): string {
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
  const named = networksOf(sources, family, MAX_LISTED);
  if (named !== undefined) return named.join(', ');
  const others = networksOf(missing, family, MAX_LISTED);
  if (others !== undefined) return `${EVERYBODY} but ${others.join(', ')}`;
  return sources.length > missing.length
    ? `${EVERYBODY} but ${missing.length} ranges of addresses`
    : `${sources.length} ranges of addresses`;
}

function portsOf(ranges: Ranges): string {
  const names = ranges.map(({ first, last }) => (first === last ? String(first) : `${first}:${last}`));
  return names.slice(0, MAX_LISTED).join(', ') + (names.length > MAX_LISTED ? ' …' : '');
}

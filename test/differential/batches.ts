import { TARGET, type Knock } from './doors.js';
import type { Case, Group } from './generate.js';
import type { Item } from './sender.js';

/** Packets that are sent at once; see Pair.run. */
const BATCH = 100;

/** Some cases at once, as many as our capture can hold; what comes before a pause at once, for it must not take long. */
export function batchesOf(group: Group, cases: readonly Case[]): Item[][] {
  if (group.pauseMs === 0) return inBatches(cases.map(({ before }) => before));
  const before = cases.flatMap((each) => each.before);
  return [before.map(itemOf), [{ waitMs: group.pauseMs }], ...inBatches(cases.map(({ after }) => after))];
}

function inBatches(lists: readonly (readonly Knock[])[]): Item[][] {
  const batches: Item[][] = [[]];
  for (const list of lists) {
    const last = batches.at(-1);
    if (last !== undefined && last.length + list.length <= BATCH) last.push(...list.map(itemOf));
    else batches.push(list.map(itemOf));
  }
  return batches;
}

function itemOf(knock: Knock): Item {
  const { source, protocol, port: destinationPort, flags, options, toTarget } = knock;
  return {
    source,
    protocol,
    destinationPort,
    flags,
    ...(toTarget ? { destination: TARGET } : {}),
    ...(options ? { options: Buffer.from([1, 1, 1, 0]) } : {}),
  };
}

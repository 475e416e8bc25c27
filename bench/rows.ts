/** What was measured, as rows of the table. */
import type { Latency } from './latency.js';
import type { Passing } from './passing.js';
import { megabytes, microseconds, ofAll, type Row } from './table.js';
import type { Memory, UnderFlood } from './under-flood.js';

const ENGINES = { kernel: 'door in the kernel', listener: 'door at the listener', knockd: 'knockd' } as const;
/** In microseconds, for a door with a verb of ours (issue 7). */
const TARGET = { median: 1_500, p99: 5_000 } as const;
const MOST_RESIDENT_KB = 110 * 1024;
const MOST_GROWN_KB = 20 * 1024;

export function latencyRows(all: readonly Latency[]): Row[] {
  return all.flatMap((ours) => {
    if (ours.engine === 'knockd') return [];
    const theirs = all.find(
      ({ engine, backend, family }) =>
        engine === 'knockd' && backend === ours.backend && family === ours.family,
    );
    const name = `last knock to first SYN let in, ${ENGINES[ours.engine]}, ${ours.backend}, IPv${ours.family}`;
    const time = (which: 'median' | 'p99'): Row => ({
      what: which === 'median' ? `${name}: median` : '  p99',
      ours: microseconds(ours[which]),
      ...(theirs && { theirs: microseconds(theirs[which]), ratio: ours[which] / theirs[which] }),
      target: `≤ ${microseconds(TARGET[which])}`,
      reached: ours[which] <= TARGET[which],
    });
    const next = {
      what: '  the very next SYN was let in',
      ours: ofAll(ours.next, ours.knocks),
      ...(theirs && { theirs: ofAll(theirs.next, theirs.knocks) }),
      ...(ours.engine === 'kernel' && { target: 'all', reached: ours.next === ours.knocks }),
    };
    return [time('median'), time('p99'), next];
  });
}

export function floodRows(all: readonly UnderFlood[]): Row[] {
  return all.flatMap((one) => {
    const engine = one.alive ? ENGINES[one.engine] : 'all of ours killed';
    const room = one.doorSources === null ? '' : `, door_sources ${one.doorSources}`;
    const what = `knocks under ${one.sent} spoofed SYNs/s, ${engine}, ${one.backend}${room}`;
    const lost = one.lost > 0 ? ` (${one.lost} packets lost)` : '';
    const opened = ofAll(one.opened, one.knocks) + lost;
    if (one.engine === 'knockd') return [{ what, ours: '', theirs: opened }];
    const must = one.engine === 'kernel';
    return [
      { what, ours: opened, ...(must && { target: 'all', reached: one.opened === one.knocks }) },
      {
        what: '  whole knock, with its 20 ms of pauses: median',
        ours: microseconds(one.wholeMedianMs * 1000),
      },
      ...memoryRows(one),
    ];
  });
}

function memoryRows({ alive, engine, memory, survived }: UnderFlood): Row[] {
  const [before] = memory;
  if (!alive || before === undefined) return [];
  const resident = ({ residentKb }: Memory): number => residentKb.reduce((sum, kb) => sum + kb, 0);
  const grown = Math.max(...memory.slice(1).map(resident)) - resident(before);
  return [
    {
      what: '  the same processes as before',
      ours: survived === true ? 'yes' : 'no',
      target: 'yes',
      reached: survived === true,
    },
    {
      what: '  resident before it, both processes',
      ours: megabytes(resident(before)),
      target: `≤ ${megabytes(MOST_RESIDENT_KB)}`,
      reached: resident(before) <= MOST_RESIDENT_KB,
    },
    {
      what: '  most that it grew by',
      ours: megabytes(grown),
      target: `≤ ${megabytes(MOST_GROWN_KB)}`,
      reached: grown <= MOST_GROWN_KB,
    },
    ...(engine === 'kernel' ? memory.slice(1) : []).flatMap((at) => [
      {
        what: `  kernel memory ${at.when}, above that before`,
        ours: megabytes(at.kernelKb - before.kernelKb),
      },
      { what: '    in sets, and attempts in them', ours: `${megabytes(at.setsKb)}, ${at.attempts}` },
    ]),
  ];
}

export function passingRows(all: readonly Passing[]): Row[] {
  return all.map(({ backend, protocol, doors, nanoseconds, doorsAdd }) => ({
    what: `a packet that is no knock (${protocol}), ${doors === 1 ? '1 door' : `${doors} doors`}, ${backend}: the doors add`,
    ours: `${Math.round(doorsAdd)} of ${Math.round(nanoseconds['service and doors'])} ns`,
  }));
}

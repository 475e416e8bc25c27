/** What was measured, as rows of the table. */
import type { Latency } from './latency.js';
import type { Passing } from './passing.js';
import { sum } from './statistics.js';
import { megabytes, microseconds, ofAll, type Row } from './table.js';
import type { Memory, UnderFlood } from './under-flood.js';

const ENGINES = {
  kernel: 'door in the kernel',
  listener: 'door at the listener',
  shell: 'door with a shell line',
  knockd: 'knockd',
} as const;
/** In microseconds, for a door with a verb of ours (issue 7). */
const TARGET = { median: 1_500, p99: 5_000 } as const;
/** Of a hundred knocks, by the flood's rate; at line rate it must live through it. */
const MUST_OPEN: Readonly<Record<number, number>> = { 30_000: 100, 100_000: 99 };
export const MOST_RESIDENT_KB = 110 * 1024;
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
      ...timeTarget(ours, theirs, which),
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

/** The listener alone is there for information: a verb of ours is done in the kernel, unless somebody wants otherwise. */
function timeTarget(
  ours: Latency,
  theirs: Latency | undefined,
  which: 'median' | 'p99',
): Pick<Row, 'target' | 'reached'> {
  if (ours.engine === 'kernel')
    return { target: `≤ ${microseconds(TARGET[which])}`, reached: ours[which] <= TARGET[which] };
  if (ours.engine !== 'shell' || theirs === undefined) return {};
  return { target: '≤ 1×', reached: ours.missed === 0 && ours[which] <= theirs[which] };
}

export function floodRows(all: readonly UnderFlood[]): Row[] {
  return all.flatMap((one) => {
    if (one.engine === 'knockd') return [];
    const theirs = all.find(
      ({ engine, backend, rate }) =>
        engine === 'knockd' &&
        one.engine === 'kernel' &&
        one.alive &&
        backend === one.backend &&
        rate === one.rate,
    );
    const engine = one.alive ? ENGINES[one.engine] : 'all of ours killed';
    const room = one.doorSources === null ? '' : `, door_sources ${one.doorSources}`;
    const rate = one.rate === 0 ? `as many as go out (${one.sent}/s)` : `${one.rate}/s`;
    const must = one.engine === 'kernel' ? MUST_OPEN[one.rate] : undefined;
    return [
      {
        what: `knocks under spoofed SYNs, ${rate}, ${engine}, ${one.backend}${room}`,
        ours: opened(one),
        ...(theirs && { theirs: opened(theirs), ratio: one.opened / theirs.opened }),
        ...(must !== undefined && { target: `≥ ${must}`, reached: one.opened >= must }),
      },
      {
        what: '  whole knock, with its 20 ms of pauses: median',
        ours: microseconds(one.wholeMedianMs * 1000),
        ...(theirs && { theirs: microseconds(theirs.wholeMedianMs * 1000) }),
      },
      ...memoryRows(one, theirs),
    ];
  });
}

function opened({ opened, knocks, lost }: UnderFlood): string {
  return ofAll(opened, knocks) + (lost > 0 ? ` (${lost} lost)` : '');
}

const resident = ({ residentKb }: Memory): number => sum(residentKb);
const proportional = ({ proportionalKb }: Memory): number => sum(proportionalKb);

function memoryRows(one: UnderFlood, theirs: UnderFlood | undefined): Row[] {
  const { alive, engine, memory, survived, rate } = one;
  const [before] = memory;
  if (!alive || before === undefined) return [];
  const survival = {
    what: '  the same processes as before',
    ours: survived === true ? 'yes' : 'no',
    target: 'yes',
    reached: survived === true,
  };
  if (rate > 0) return [survival];
  return [
    survival,
    ...flooded('resident (VmRSS)', one, theirs, resident),
    ...flooded('their part of it (Pss)', one, theirs, proportional),
    ...(engine === 'kernel' ? memory.slice(1) : []).flatMap((at) => [
      {
        what: `  kernel memory ${at.when}, above that before`,
        ours: megabytes(at.kernelKb - before.kernelKb),
      },
      { what: '    in sets, and attempts in them', ours: `${megabytes(at.setsKb)}, ${at.attempts}` },
    ]),
  ];
}

/** What all processes together had before a flood and after it. */
function flooded(
  what: string,
  ours: UnderFlood,
  theirs: UnderFlood | undefined,
  size: (memory: Memory) => number,
): Row[] {
  const at = (one: UnderFlood | undefined, when: Memory['when']): number => {
    const found = one?.memory.find((memory) => memory.when === when);
    return found === undefined ? NaN : size(found);
  };
  const after = at(ours, 'after');
  const grown = after - at(ours, 'before');
  const theirAfter = at(theirs, 'after');
  return [
    {
      what: `  ${what} after it, both processes`,
      ours: megabytes(after),
      ...(theirs && { theirs: megabytes(theirAfter), ratio: after / theirAfter }),
      target: `≤ ${megabytes(MOST_RESIDENT_KB)}`,
      reached: after <= MOST_RESIDENT_KB,
    },
    {
      what: '    above that before (in brackets: during it)',
      ours: `${megabytes(grown)} (${megabytes(at(ours, 'during') - at(ours, 'before'))})`,
      ...(theirs && { theirs: megabytes(theirAfter - at(theirs, 'before')) }),
      target: `≤ ${megabytes(MOST_GROWN_KB)}`,
      reached: grown <= MOST_GROWN_KB,
    },
  ];
}

const added = (before: number, after: number): number => Math.round(after - before);

export function passingRows(all: readonly Passing[]): Row[] {
  return all.map(({ backend, family, protocol, doors, nanoseconds, doorsAdd }) => ({
    what: `a packet that is no knock (${protocol}), ${doors === 1 ? '1 door' : `${doors} doors`}, ${backend}, IPv${family}: the service and its doors add`,
    ours: `${added(nanoseconds.none, nanoseconds.service)} and ${Math.round(doorsAdd)} of ${Math.round(nanoseconds['service and doors'])} ns`,
  }));
}

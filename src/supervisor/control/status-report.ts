import type { StatusReport } from '../../wire/reports.js';
import type { ListenerSupervisor } from '../listener/listener-supervisor.js';

/** How the listener is. */
export function reportListener({
  pid,
  figures,
}: Pick<ListenerSupervisor, 'pid' | 'figures'>): StatusReport['listener'] {
  const { packets, interfaces, silentMs, roundTripMs, hearsMs, asked, lost } = figures;
  return {
    pid: pid ?? null,
    interfaces,
    packets,
    silent: silentMs === undefined ? null : tenths(silentMs),
    selfKnock:
      roundTripMs === undefined || hearsMs === undefined
        ? null
        : { roundTrip: Math.round(roundTripMs * 100) / 100, age: tenths(hearsMs), asked, lost },
  };
}

/** Milliseconds as seconds, to the tenth. */
function tenths(ms: number): number {
  return Math.round(ms / 100) / 10;
}

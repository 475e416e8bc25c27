import type { Service } from '../../firewall/model/service.js';
import type { Clock } from '../../system/clock.js';
import { readIfExists } from '../../system/files.js';
import type { Journal } from '../journal/journal.js';

/** The connections that this network namespace follows (nf_conntrack). */
const TRACKED = '/proc/sys/net/netfilter/nf_conntrack_count';
/** So long a host that has followed none does so before a UDP port is shut: sessions that are busy go on then. */
const WAIT_MS = 2_000;

/** True where the sessions of a UDP service cannot be told from newcomers yet, since nothing here has followed connections. */
export function hasNoTrackedSessions(services: readonly Pick<Service, 'protocol'>[]): boolean {
  return services.some(({ protocol }) => protocol === 'udp') && Number(readIfExists(TRACKED) ?? 0) === 0;
}

/**
 * Once our rules have the kernel follow connections, and before they shut a port: lets it see the sessions that there are. UDP has no packet
 * that says "I belong to one": a session is known by packets in both directions, while it is followed.
 */
export async function trackSessions(clock: Clock, journal: Pick<Journal, 'record'>): Promise<string> {
  const text =
    `connections are followed from now on: sessions of UDP services that are busy in these ${WAIT_MS / 1_000} s go on, ` +
    'those that are silent count as new with their next packet (trust their addresses, or knock)';
  journal.record('firewall', text, {}, 'warn');
  await new Promise<void>((resolve) => {
    clock.after(WAIT_MS, resolve);
  });
  return text;
}

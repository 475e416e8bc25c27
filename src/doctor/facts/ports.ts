import type { Family } from '../../base/address.js';
import type { ServiceSettings } from '../../config/settings.js';
import type { Facts } from './facts.js';
import type { Wanted } from './reach.js';

/** Ports and names for the checks of rules. */

/** One port of a service. */
export interface ServicePort {
  readonly service: ServiceSettings;
  readonly wanted: Wanted;
}

export function servicesOf({ config }: Facts): readonly ServiceSettings[] {
  return config.ok ? config.value.settings.services : [];
}

/** Returns each port of each service. */
export function eachPort(facts: Facts): ServicePort[] {
  return servicesOf(facts).flatMap((service) =>
    service.ports.map((port) => ({ service, wanted: { protocol: service.protocol, port } })),
  );
}

/** Returns the protected families. */
export function familiesOf({ config }: Facts): readonly Family[] {
  return config.ok ? config.value.settings.firewall.families : [];
}

/** Describes a port: `tcp port 22 (service ssh)`. */
export function describePort({ name }: ServiceSettings, { protocol, port }: Wanted): string {
  return `${protocol} port ${port} (service ${name})`;
}

/** Describes families: `IPv4 and IPv6`. */
export function familyNames(which: readonly Family[]): string {
  return which.map((family) => `IPv${family}`).join(' and ');
}

/** Returns the programs of a back end for these families: `iptables-legacy`, `ip6tables-legacy`. */
export function programs(which: readonly Family[], backend: string): string[] {
  return which.map((family) => `${family === 4 ? 'iptables' : 'ip6tables'}-${backend}`);
}

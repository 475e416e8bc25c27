import type { Family } from '../../base/address.js';
import type { ServiceSettings } from '../../config/settings.js';
import type { Facts } from './facts.js';
import type { Wanted } from './reach.js';

/** What the checks of rules go over, and how they name it. */

/** One port of a service. */
export interface ServicePort {
  readonly service: ServiceSettings;
  readonly wanted: Wanted;
}

export function servicesOf({ config }: Facts): readonly ServiceSettings[] {
  return config.ok ? config.value.settings.services : [];
}

/** Each port of each service. */
export function eachPort(facts: Facts): ServicePort[] {
  return servicesOf(facts).flatMap((service) =>
    service.ports.map((port) => ({ service, wanted: { protocol: service.protocol, port } })),
  );
}

/** The families that are protected. */
export function familiesOf({ config }: Facts): readonly Family[] {
  return config.ok ? config.value.settings.firewall.families : [];
}

/** `tcp port 22 (service ssh)`. */
export function named({ name }: ServiceSettings, { protocol, port }: Wanted): string {
  return `${protocol} port ${port} (service ${name})`;
}

/** `IPv4 and IPv6`. */
export function families(which: readonly Family[]): string {
  return which.map((family) => `IPv${family}`).join(' and ');
}

/** The programs of a back end for these families: `iptables-legacy and ip6tables-legacy`. */
export function programs(which: readonly Family[], backend: string): string[] {
  return which.map((family) => `${family === 4 ? 'iptables' : 'ip6tables'}-${backend}`);
}

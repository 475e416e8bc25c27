/** Families that are not protected, though a port of ours is reached by them. Pure. */
import type { Family } from '../../base/address.js';
import type { Service } from '../model/service.js';
import { isConcerned, type Context, type Exposure } from './assess.js';
import type { AllTables } from './elsewhere.js';
import { metBefore } from './findings.js';
import { waysTo } from './judge.js';

/** A port that somebody listens at, and an address that others reach it by. */
export interface Served {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly family: Family;
  readonly address: string;
}

/** Ports of services that are served in a family that `families` leaves out, and that no rule of that family shuts. */
export function assessLeftOut(
  tables: readonly AllTables[],
  served: readonly Served[],
  { services }: Pick<Context, 'services'>,
): Exposure[] {
  const families = [...new Set(served.map(({ family }) => family))];
  return families.flatMap((family) => {
    const own = tables.filter((one) => one.family === family);
    if (own.length === 0) return []; // protected, and judged elsewhere
    return services
      .filter((service) => service.chain === 'INPUT' && isConcerned(service, family))
      .flatMap((service) => openIn(own, family, service, served));
  });
}

/** A DROP in either back end shuts it. */
function openIn(
  tables: readonly AllTables[],
  family: Family,
  service: Service,
  served: readonly Served[],
): Exposure[] {
  const reached = served.filter(
    (one) => one.family === family && one.protocol === service.protocol && service.ports.includes(one.port),
  );
  const [first] = reached;
  if (first === undefined) return [];
  const ports = [...new Set(reached.map(({ port }) => port))];
  const isOpen = tables.every(({ ruleset }) => {
    const ways = waysTo({ ...service, ports }, family, ruleset, () => undefined);
    return ways.length === 0 || metBefore(service, family, ways).some(({ kind }) => kind === 'open');
  });
  if (!isOpen) return [];
  const where = `${service.protocol} port ${ports.join(', ')}`;
  return [
    {
      ...{
        kind: 'open',
        service: service.name,
        family,
        ports,
        table: 'filter',
        chain: null,
        number: null,
        rule: null,
      },
      sources: 'everybody',
      text: `IPv${family}: ${where} is open to everybody: families in [firewall] leaves IPv${family} out, and others reach ${first.address}`,
      fix: 'families = ipv4, ipv6 in [firewall], then knockctl restart',
    },
  ];
}

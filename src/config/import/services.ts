import type { Family } from '../../base/address.js';

import { KEYS } from '../knockctl/schema.js';
import type { FrontOptions } from '../load-options.js';
import type { PortLookUp } from '../shadow.js';

import type { Place } from './effect.js';

const CHAIN = KEYS.chain.fallback;

/** The names that services of these TCP ports get; others are called `port-N` or `port-N-udp`. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [21, 'ftp'],
  [22, 'ssh'],
]);

/** The `[service.NAME]` sections that the doors need, in the order in which they are asked for. */
export class ServiceBook {
  readonly #places = new Map<string, Place>();

  get isEmpty(): boolean {
    return this.#places.size === 0;
  }

  /** Every service with its name. */
  get all(): readonly (readonly [name: string, place: Place])[] {
    return [...this.#places];
  }

  nameOf(place: Place): string | undefined {
    return this.all.find(([, other]) => samePlace(place, other))?.[0];
  }

  /** A service under the name that a verb has for it; one of that name stays as it is. */
  addNamed(name: string, place: Place): void {
    if (!this.#places.has(name)) this.#places.set(name, place);
  }

  /** A service for the place, unless there is one, under a name of our choice. */
  add(place: Place): void {
    if (this.nameOf(place) !== undefined) return;
    const name = usualName(place);
    let free = name;
    for (let count = 2; this.#places.has(free); count += 1) free = `${name}-${count}`;
    this.#places.set(free, place);
  }
}

export function samePlace(a: Place, b: Place): boolean {
  return a.protocol === b.protocol && a.chain === b.chain && a.ports.join() === b.ports.join();
}

/** True where a port is of both, and not all are. */
export function overlaps(a: Place, b: Place): boolean {
  const isNear = a.protocol === b.protocol && a.chain === b.chain && !samePlace(a, b);
  return isNear && a.ports.some((port) => b.ports.includes(port));
}

/** What a set is for, by names: a service that /etc/services knows, else SSH. */
export function placeOfSet(names: string, lookUp: PortLookUp): Place {
  const words = names
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word.length > 2);
  const port = words.includes('ssh')
    ? undefined
    : words.map((word) => lookUp(word)).find((one) => one !== undefined);
  return { protocol: 'tcp', ports: [port ?? 22], chain: CHAIN };
}

/** The name of the service in `--service`: needed unless it is the default of the verbs. */
export function serviceOption(name: string): string {
  return name === 'ssh' ? '' : ` --service ${name}`;
}

/** How a service of that place is called where it is the first to want the name. */
function usualName({ protocol, ports: [port = 0, another] }: Place): string {
  if (another !== undefined) return `ports-${port}${protocol === 'udp' ? '-udp' : ''}`;
  return protocol === 'udp' ? `port-${port}-udp` : (NAMES.get(port) ?? `port-${port}`);
}

/** The place of a service of which only the name is known; undefined where the name does not tell. */
export function placeOf(name: string, lookUp: PortLookUp): Place | undefined {
  const [, digits, udp] = /^port-([1-9][0-9]{0,4})(-udp)?$/.exec(name) ?? [];
  const known = [...NAMES].find(([, usual]) => usual === name)?.[0];
  const port = digits === undefined ? (known ?? lookUp(name)) : Number(digits);
  if (port === undefined || port > 65_535) return undefined;
  return { protocol: udp === undefined ? 'tcp' : 'udp', ports: [port], chain: CHAIN };
}

/** The text of knockctl.conf; `families` are those that the doors' own rules opened, empty: all. */
export function renderConf(
  book: ServiceBook,
  families: readonly Family[],
  doors: string,
  { interface: name, lookup, onlyIpv4, logFile }: FrontOptions = {},
): string {
  const parts = ['; Written by knockctl import; docs/configuration.md tells of every setting.\n'];
  if (doors !== KEYS.doors.fallback) parts.push(`[paths]\ndoors = ${quoteValue(doors)}\n`);
  const [only, another] = families;
  if (only !== undefined && another === undefined) {
    const tool = only === 4 ? 'iptables' : 'ip6tables';
    parts.push(
      `[firewall]\n; Your doors ran ${tool} only: the other family stays as it is. Without this line it is protected too.\n` +
        `families = ipv${only}\n`,
    );
  }
  const listener = [
    ...(name === undefined ? [] : [`interface = ${name}\n`]),
    ...(onlyIpv4 === true ? ['families = ipv4\n'] : []),
  ];
  if (listener.length > 0) parts.push(`[listener]\n${listener.join('')}`);
  const log = [
    ...(logFile === undefined ? [] : [`file = ${quoteValue(logFile)}\n`]),
    ...(lookup === true ? ['lookup = yes\n'] : []),
  ];
  if (log.length > 0) parts.push(`[log]\n${log.join('')}`);
  for (const [service, { protocol, ports, chain }] of book.all) {
    const hook = chain === CHAIN ? '' : `chain    = ${chain}\n`;
    parts.push(`[service.${service}]\nprotocol = ${protocol}\nports    = ${ports.join(', ')}\n${hook}`);
  }
  return parts.join('\n');
}

function quoteValue(text: string): string {
  return /^[A-Za-z0-9_.\/+@-]+$/.test(text) ? text : JSON.stringify(text);
}

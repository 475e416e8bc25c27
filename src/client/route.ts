import { isIP } from 'node:net';

import { errorText } from '../base/errors.js';
import { ok, refuse, type Result } from '../base/result.js';
import { execOk, type Exec } from '../system/exec.js';

/** How to send a knock so that it leaves by a given interface. */
export interface Route {
  /** The destination; a link-local address includes its zone. */
  readonly address: string;
  /** The address to bind the socket to; undefined: the zone is enough. */
  readonly source: string | undefined;
}

/** Access to routes and addresses. */
export interface RouteSources {
  /** The path of ip(8); undefined if it is not installed. */
  readonly ip: string | undefined;
  readonly exec: Exec;
  /** The addresses of an interface, of both families. */
  readonly addresses: (name: string) => readonly string[];
}

/** fe80::/10, the addresses that need a zone. */
const LINK_LOCAL = /^fe[89ab][0-9a-f]:/i;

/**
 * Determines how to send to an address through an interface, or why that is impossible. Node cannot bind a socket to an
 * interface (SO_BINDTODEVICE), so:
 *
 * - The source is the address that the kernel would use on the interface for the target (`ip route get ADDRESS oif
 * IF`).
 *
 * - A source address alone does not choose the route: measured with two default routes, packets from the second
 * interface's address left by the first, TCP and UDP, IPv4 and IPv6. Routes and rules decide. They are queried (`ip
 * route get ADDRESS from SOURCE`), and if they lead to another interface, the knock is refused: it is a secret, and
 * must not reach other networks.
 *
 * - For a link-local IPv6 address, the interface is its zone, which the kernel respects.
 *
 * Rules by port, protocol or mark are not considered.
 */
export async function routeThrough(
  target: string,
  name: string,
  sources: RouteSources,
): Promise<Result<Route>> {
  const { ip, exec, addresses } = sources;
  if (ip === undefined) return refuse('-i needs the program ip to ask for the routes; install iproute2');
  const [address = '', zone] = target.split('%');
  if (zone !== undefined && zone !== name) return refuse(`its zone is ${zone}, not ${name}`);
  const family = isIP(address) === 6 ? 6 : 4;
  const ask = async (...words: readonly string[]): Promise<Result<string>> => {
    try {
      return ok(await execOk(exec, [ip, `-${family}`, 'route', 'get', address, ...words]));
    } catch (error) {
      return refuse(`there is no route to it through ${name}: ${errorText(error)}`);
    }
  };
  const wanted = await ask('oif', name);
  if (!wanted.ok) return wanted;
  if (LINK_LOCAL.test(address)) return ok({ address: `${address}%${name}`, source: undefined });
  const source = wordAfter('src', wanted.value);
  // For an interface without an address, the kernel uses one of another interface.
  if (source === undefined || !addresses(name).includes(source)) {
    return refuse(`${name} has no IPv${family} address to knock from, or is down`);
  }
  const actual = await ask('from', source);
  if (!actual.ok) return actual;
  const device = wordAfter('dev', actual.value);
  if (device === name) return ok({ address, source });
  return refuse(
    `packets from ${source} to ${address} leave by ${device ?? 'no interface'}, not ${name}; ` +
      `a rule can change that: ip rule add from ${source} lookup TABLE`,
  );
}

function wordAfter(key: string, text: string): string | undefined {
  const words = text.split(/\s+/);
  const index = words.indexOf(key);
  return index === -1 ? undefined : words[index + 1];
}

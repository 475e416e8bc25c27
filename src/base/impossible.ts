import { contains, parseNetwork, type Network } from './address.js';

/** Addresses that no packet from elsewhere can have as its source. Pure. */

interface Range {
  readonly network: Network;
  readonly what: string;
}

function range(text: string, what: string): Range {
  const parsed = parseNetwork(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return { network: parsed.value, what };
}

/** RFC 6890 and RFC 4291. The sentinels of our sets (firewall/sets/sentinel.ts) are among them: 255.255.255.255 and ff00::. */
const NOBODYS: readonly Range[] = [
  range('0.0.0.0/8', 'no host\u2019s address'),
  range('224.0.0.0/4', 'a multicast address'),
  range('255.255.255.255', 'the broadcast address'),
  range('::', 'no host\u2019s address'),
  range('ff00::/8', 'a multicast address'),
];
const LOOPBACK: readonly Range[] = [
  range('127.0.0.0/8', 'the loopback, which is never filtered'),
  range('::1', 'the loopback, which is never filtered'),
];

/** What is wrong with an address or network of which no packet can come from elsewhere; undefined where one can. */
export function impossibleSource(network: Network): string | undefined {
  const found = [...NOBODYS, ...LOOPBACK].find((one) => contains(one.network, network));
  return found === undefined ? undefined : `${network.text} is ${found.what}`;
}

/** The same, `own` being the addresses of this host, and broadcast addresses of its networks. */
export function impossibleHere(network: Network, own: readonly Network[]): string | undefined {
  const fixed = impossibleSource(network);
  if (fixed !== undefined) return fixed;
  return own.some(({ text }) => text === network.text)
    ? `${network.text} is an address of this host itself, or a broadcast address of its networks`
    : undefined;
}

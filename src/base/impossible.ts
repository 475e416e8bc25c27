import { contains, parseNetwork, type Network } from './address.js';

/** Addresses that no packet from outside can have as its source. Pure. */

interface Range {
  readonly network: Network;
  readonly reason: string;
}

function range(text: string, what: string): Range {
  const parsed = parseNetwork(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return { network: parsed.value, reason: what };
}

/**
 * RFC 6890 and RFC 4291. They include the sentinels of knockctl's sets (firewall/sets/sentinel.ts): 255.255.255.255 and
 * ff00::.
 */
const NON_HOST: readonly Range[] = [
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

/** Returns why no packet from outside can come from an address or network; undefined if one can. */
export function impossibleSource(network: Network): string | undefined {
  const found = [...NON_HOST, ...LOOPBACK].find((one) => contains(one.network, network));
  return found === undefined ? undefined : `${network.text} is ${found.reason}`;
}

/** The same, for this host; `own`: its addresses, and the broadcast addresses of its networks. */
export function impossibleHere(network: Network, own: readonly Network[]): string | undefined {
  const fixed = impossibleSource(network);
  if (fixed !== undefined) return fixed;
  return own.some(({ text }) => text === network.text)
    ? `${network.text} is an address of this host itself, or a broadcast address of its networks`
    : undefined;
}

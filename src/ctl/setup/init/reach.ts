import { contains, parseAddress, parseNetwork } from '../../../base/address.js';
import { ok, refuse, type Result } from '../../../base/result.js';

/** Stands for the name of this host where we do not know how it is reached. */
const UNKNOWN_HOST = 'your.server';

/** Means another host, or none, to whoever is not in the same network: RFC 1918, 6598, 3927, 1122; RFC 4193, 4291. */
const ONLY_NEAR = [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '127.0.0.0/8'],
  ...['fc00::/7', 'fe80::/10', '::1'],
];
/** Good on one link only, and with the zone of the client, which we do not know. */
const ONLY_LINK = ['169.254.0.0/16', 'fe80::/10'];

/** The address that the session came in by, as a proposal to a person. */
export function likelyHost(sessionHost: string | undefined): string {
  return sessionHost === undefined || isIn(ONLY_LINK, sessionHost) ? UNKNOWN_HOST : withoutZone(sessionHost);
}

/** The same where nobody can be asked: an address behind NAT is not what the host is reached by. */
export function surelyReached(sessionHost: string | undefined): string {
  return sessionHost === undefined || isIn(ONLY_NEAR, sessionHost) ? UNKNOWN_HOST : withoutZone(sessionHost);
}

/** What is to be said of the host in the line for the client; undefined where it speaks for itself. */
export function hostNote(host: string, sessionHost: string | undefined): string | undefined {
  if (host === UNKNOWN_HOST) {
    const where =
      sessionHost === undefined ? '' : ` (this session came in at ${sessionHost}, a private address)`;
    return `${UNKNOWN_HOST}: the name or address by which you reach this host${where}`;
  }
  return isIn(ONLY_NEAR, host)
    ? `${host} is a private address: from another network, take the name or address by which you reach this host there`
    : undefined;
}

/** A name or an address as ssh(1) takes it; a zone is the client's. */
export function readHost(text: string): Result<string> {
  return /^[A-Za-z0-9:_][A-Za-z0-9.:_%-]{0,252}$/.test(text)
    ? ok(text)
    : refuse('a host name or an address, as you give it to ssh');
}

function withoutZone(host: string): string {
  return host.replace(/%.*$/, '');
}

function isIn(networks: readonly string[], host: string): boolean {
  const address = parseAddress(withoutZone(host));
  return (
    address.ok &&
    networks.some((text) => {
      const network = parseNetwork(text);
      return network.ok && contains(network.value, address.value);
    })
  );
}

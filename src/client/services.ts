import type { Protocol } from '../knock/door.js';

/**
 * Returns the port of a service by name or alias, from the text of /etc/services (services(5)). If a name exists only
 * for the other protocol, returns that port, as getaddrinfo does for Debian's knock.
 */
export function servicePort(text: string, name: string, protocol: Protocol): number | undefined {
  let other: number | undefined;
  for (const line of text.split('\n')) {
    const [official, portAndProtocol = '', ...aliases] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    if (official !== name && !aliases.includes(name)) continue;
    const [port = '', itsProtocol] = portAndProtocol.split('/');
    if (!/^[0-9]+$/.test(port)) continue;
    if (itsProtocol === protocol) return Number(port);
    other ??= Number(port);
  }
  return other;
}

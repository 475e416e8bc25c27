import { createSocket } from 'node:dgram';
import { connect, isIP, SocketAddress } from 'node:net';

import type { Family } from '../base/address.js';
import type { Protocol } from '../knock/door.js';

/** The destination of a knock: an address (possibly with a zone id) and a port; and its source. */
export interface Target {
  readonly address: string;
  /**
   * An address of this machine; undefined: the kernel chooses. It does not choose the route by itself: see route.ts.
   */
  readonly source: string | undefined;
  readonly protocol: Protocol;
  readonly port: number;
}

/**
 * Sends one knock: one SYN, or a datagram of one zero byte. Resolves once the kernel has accepted it, whether or not
 * there is an answer. Rejects with the kernel's error if it was not sent.
 */
export async function sendKnock(target: Target): Promise<void> {
  return target.protocol === 'tcp' ? sendSyn(target) : sendDatagram(target);
}

async function sendSyn({ address, source, port }: Target): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    const socket = connect({
      host: address,
      port,
      ...(source === undefined ? {} : { localAddress: source }),
    });
    socket.once('error', (error) => {
      // Refused: the other side has answered, so the knock arrived.
      if (!('code' in error && error.code === 'ECONNREFUSED')) failure = error;
    });
    socket.once('close', () => {
      if (failure === undefined) resolve();
      else reject(failure);
    });
    // connect(2) happens in the next tick; an immediate runs after that, and long before the kernel would send a second
    // SYN after a second.
    setImmediate(() => socket.destroy());
  });
}

async function sendDatagram({ address, source, port }: Target): Promise<void> {
  const family = isIP(address) === 6 ? 6 : 4;
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: `udp${family}`,
      // The addresses are literal: there is nothing to look up.
      lookup: (host, _options, done) => {
        done(null, host, family);
      },
    });
    const finish = (error: Error | null): void => {
      socket.close();
      if (error === null) resolve();
      else reject(error);
    };
    socket.once('error', finish);
    if (source !== undefined) socket.bind({ address: source });
    // Waits for the bind.
    socket.send(Buffer.of(0), port, address, finish);
  });
}

/**
 * Resolves the first address of a host, in the order of the system's resolver (getaddrinfo(3)); a literal resolves to
 * its canonical form. Rejects with the resolver's error, or if a literal is not of the requested family.
 */
export async function resolveHost(host: string, family: Family | undefined): Promise<string> {
  const literal = isIP(host);
  if (literal !== 0) {
    if (family === undefined || family === literal) return canonical(host);
    throw new Error(`it is an IPv${literal} address, but IPv${family} was asked for`);
  }
  const { lookup } = await import('node:dns/promises');
  return (await lookup(host, { family: family ?? 0 })).address;
}

function canonical(literal: string): string {
  // SocketAddress does not take a zone.
  const [address = '', zone] = literal.split('%');
  if (isIP(address) === 4) return literal;
  const text = new SocketAddress({ address, family: 'ipv6' }).address;
  return zone === undefined ? text : `${text}%${zone}`;
}

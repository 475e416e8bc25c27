import type { Family } from '../../base/address.js';

import type { Report } from '../lines.js';
import type { Reader } from './reader.js';
import { KEYS, type Key } from './schema.js';
import type { ServiceSettings } from '../settings.js';
import { isServiceName } from '../values.js';

const PREFIX = 'service.';

/** The NAME of `[service.NAME]`; undefined for another section, '' for one with a bad name. */
export function serviceName(section: string): string | undefined {
  if (!section.startsWith(PREFIX)) return undefined;
  const name = section.slice(PREFIX.length);
  return isServiceName(name) ? name : '';
}

/** The service that doors with our verbs imply where none is written: `[service.ssh]` with the defaults, and the gate of [firewall]. */
export function impliedService(gate: ServiceSettings['gate'] = KEYS.gate.fallback): ServiceSettings {
  return makeService('ssh', (key) => key.fallback, { gate, lockout: false });
}

/** Every `[service.NAME]`, in the order of the file; what one service says against another is reported. */
export function readServices(reader: Reader, report: Report, warn: Report): readonly ServiceSettings[] {
  const services: ServiceSettings[] = [];
  const sound: { readonly service: ServiceSettings; readonly line: number }[] = [];
  for (const { name: section, line } of reader.sections) {
    const name = serviceName(section);
    if (name === undefined || name === '') continue;
    const service = makeService(name, (key) => reader.get(key, section), {
      gate: reader.get(KEYS.gate),
      lockout: reader.get(KEYS.allowLockout),
    });
    services.push(service);
    checkFamilies(service, section, reader, report);
    checkGate(service, section, reader, report);
    if (service.acceptTimeoutS === 0) {
      warn(reader.line(KEYS.acceptTimeout, section), 'accept_timeout = 0: who is accepted stays in for ever');
    }
    // A default in the place of a faulty value would only bring faults that are none.
    if (![KEYS.protocol, KEYS.ports, KEYS.address, KEYS.chain].some((key) => reader.isBroken(key, section))) {
      for (const other of sound) {
        const port = sharedPort(service, other.service);
        if (port === undefined) continue;
        report(
          line,
          `[${section}] and [service.${other.service.name}] (line ${other.line}) both protect ` +
            `${service.protocol} port ${port} of the same address: leave it to one of them`,
        );
      }
      sound.push({ service, line });
    }
  }
  return services;
}

function makeService(
  name: string,
  get: <T>(key: Key<T>) => T,
  general: { readonly gate: ServiceSettings['gate']; readonly lockout: boolean },
): ServiceSettings {
  return {
    name,
    protocol: get(KEYS.protocol),
    ports: get(KEYS.ports),
    addresses: get(KEYS.address),
    chain: get(KEYS.chain),
    acceptTimeoutS: get(KEYS.acceptTimeout),
    banTimeoutS: get(KEYS.banTimeout),
    decoyTimeoutS: get(KEYS.decoyTimeout),
    decoys: get(KEYS.decoys),
    onFailure: get(KEYS.onFailure),
    gate: get(KEYS.serviceGate) ?? general.gate,
    strays: get(KEYS.strays),
    ...((get(KEYS.serviceLockout) ?? general.lockout) ? { allowLockout: true } : {}),
    kernelDoors: get(KEYS.kernelDoors),
  };
}

/** A port that both services protect, in one chain and for one address at least. */
function sharedPort(a: ServiceSettings, b: ServiceSettings): number | undefined {
  if (a.protocol !== b.protocol || a.chain !== b.chain) return undefined;
  const isApart =
    a.addresses.length > 0 &&
    b.addresses.length > 0 &&
    !a.addresses.some((address) => b.addresses.includes(address));
  return isApart ? undefined : a.ports.find((port) => b.ports.includes(port));
}

/** An address of a family that is not protected would look protected and be open. */
function checkFamilies(service: ServiceSettings, section: string, reader: Reader, report: Report): void {
  const families = reader.get(KEYS.families);
  for (const address of service.addresses) {
    const family: Family = address.includes(':') ? 6 : 4;
    if (families.includes(family)) continue;
    report(
      reader.line(KEYS.address, section),
      `address: ${address} would not be protected, since [firewall] families does not have ipv${family}`,
    );
  }
}

/** Chains whose packets the table mangle is known to see before them (firewall/rules/gate.ts). */
const GATED: readonly string[] = ['INPUT', 'FORWARD', 'DOCKER-USER'];

/** From where packets come to a chain of somebody else's is not known. */
function checkGate({ gate, chain }: ServiceSettings, section: string, reader: Reader, report: Report): void {
  if (gate !== 'strict' || GATED.includes(chain) || reader.isBroken(KEYS.chain, section)) return;
  report(
    reader.line(KEYS.serviceGate, section) || reader.line(KEYS.chain, section),
    `gate = strict is for the chains ${GATED.join(', ')}: what comes to ${chain} is not known before; gate = normal here`,
  );
}

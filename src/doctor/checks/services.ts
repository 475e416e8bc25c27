import { isForNobody, type WaysIn } from '../../config/lockout.js';
/** Checks of each service: who gets in, what listens, and whether it is the intended one. */
import type { Config, ServiceSettings } from '../../config/settings.js';
import { chosenService, isForOthers } from '../../firewall/model/service.js';
import type { Finding } from '../../wire/reports.js';
import type { Facts, Listening } from '../facts/facts.js';
import { FAMILIES } from '../../base/address.js';
import { describePort, servicesOf } from '../facts/ports.js';

/** The maximum number of ports in a message. */
const MANY = 6;

/** Services that nobody can reach, whether or not knockctl is running. */
export function unreachableServices({ config }: Facts): Finding[] {
  if (!config.ok) return [];
  return config.value.settings.services
    .filter((service) => isForNobody(service, waysIn(config.value)))
    .map(({ name }) => ({
      level: 'danger',
      text: `nobody can reach service ${name}: no address is trusted, and no door opens it`,
      effect: 'its port is closed to everybody, you included, until knockctl accept is called on this host',
      fix: `command = knockctl accept %IP% --service ${name} in a door, or knockctl trust ADDR --save`,
    }));
}

function waysIn({ settings, doors, trusted }: Config): WaysIn {
  return { services: settings.services, doors, trusted };
}

/** Whether a verb with this service name, or none, acts on the service. */
function actsOn({ settings }: Config, name: string | undefined, service: ServiceSettings): boolean {
  return chosenService(settings.services, name)?.name === service.name;
}

/** Whether a knock opens a service without any process of knockctl. */
export function hasKernelDoor(facts: Facts, service: ServiceSettings): boolean {
  const { config, recognised } = facts;
  if (!config.ok || !service.kernelDoors) return false;
  return config.value.doors.some(({ actions }, index) =>
    (recognised[index]?.kernel ?? []).some((family) => {
      const { start } = actions[family];
      return (
        start?.kind === 'verb' && start.verb === 'accept' && actsOn(config.value, start.service, service)
      );
    }),
  );
}

/** Checks on_failure against the kernel doors, which work without any process. */
export function onFailure(facts: Facts): Finding[] {
  const { config } = facts;
  if (!config.ok) return [];
  return config.value.settings.services.flatMap((service): Finding[] => {
    const { name, onFailure: word } = service;
    const opens = hasKernelDoor(facts, service);
    if (opens && word !== 'hold') {
      return [
        {
          level: 'note',
          text: `service ${name} has kernel doors, and on_failure = ${word}`,
          effect: 'with hold, they still open the port while knockctl is dead, and nobody else gets in',
          fix: `on_failure = hold in [service.${name}]`,
        },
      ];
    }
    const isTold = isForNobody(service, waysIn(config.value));
    if (!opens && word === 'hold' && config.value.trusted.length === 0 && !isTold) {
      return [
        {
          level: 'danger',
          text: `service ${name} has on_failure = hold, but no trusted address and no kernel door`,
          effect: 'if knockctl dies, nobody can get in',
          fix: 'trust an address (knockctl trust ADDR --save), or on_failure = restore; knockctl check shows why a door is not in the kernel',
        },
      ];
    }
    return [];
  });
}

/** A service without a listening program, while another port has one: perhaps that one was intended. */
export function servicesWithoutServer(facts: Facts): Finding[] {
  const services = servicesOf(facts).filter((service) => !isForOthers(service));
  return services.flatMap((service): Finding[] => {
    const { name, protocol, ports } = service;
    const there = facts.listening.filter((one) => one.protocol === protocol && !one.isLoopback);
    if (service.chain !== 'INPUT' || there.some(({ port }) => ports.includes(port))) return [];
    const unprotected = there.filter(({ port }) => !services.some((one) => protects(one, protocol, port)));
    if (unprotected.length === 0) return [];
    return [
      {
        level: 'warning',
        text: `no program listens at ${protocol} port ${ports.join(', ')} (service ${name}) for other hosts`,
        effect: `a knock opens a port without a server; ${describeListeners(unprotected)}, in no service of knockctl`,
        fix: `fix ports in [service.${name}], or start the server`,
      },
    ];
  });
}

/** Names sshd if it is among them, because that is usually the intended one; otherwise all. */
function describeListeners(bare: readonly Listening[]): string {
  const sshd = bare.filter(({ program }) => program === 'sshd');
  const told = [...new Map((sshd.length > 0 ? sshd : bare).map((one) => [one.port, one])).values()];
  const words = told
    .slice(0, MANY)
    .map(({ program, port }) => `${program ?? 'a program'} listens at ${port}`);
  return `${words.join(', ')}${told.length > MANY ? ' …' : ''}`;
}

/** The caller's SSH session shows which port the administrator uses. */
export function ownSession(facts: Facts): Finding[] {
  const { session } = facts;
  const services = servicesOf(facts);
  if (session === undefined || services.length === 0) return [];
  const { port, host } = session;
  const isProtected = services.some(
    (service) =>
      !isForOthers(service) &&
      protects(service, 'tcp', port) &&
      (service.addresses.length === 0 || service.addresses.includes(host)),
  );
  if (isProtected) return [];
  return [
    {
      level: 'warning',
      text: `the port of your own session (tcp ${port} of ${host}) is not protected: it is in no service`,
      effect: 'anyone can try passwords there',
      fix: `unless that is intended: ports = ${port} in a [service.NAME]; use --trial, as for every change`,
    },
  ];
}

function protects(service: ServiceSettings, protocol: string, port: number): boolean {
  return service.protocol === protocol && service.ports.includes(port);
}

/** An unprotected family in which other hosts can reach the port. */
export function unprotectedFamily(facts: Facts): Finding[] {
  if (!facts.config.ok) return [];
  const protectedOnes = facts.config.value.settings.firewall.families;
  const open = FAMILIES.filter((family) => !protectedOnes.includes(family));
  return servicesOf(facts).flatMap((service) =>
    service.ports.flatMap((port) =>
      open.flatMap((family): Finding[] => {
        const address = facts.addresses.find((one) => one.family === family)?.text;
        if (address === undefined) return [];
        const wanted = { protocol: service.protocol, port };
        const isServed = facts.listening.some(
          (one) =>
            protects(service, one.protocol, port) &&
            one.port === port &&
            one.family === family &&
            !one.isLoopback,
        );
        return [
          {
            level: isServed ? 'danger' : 'note',
            text: `this host has IPv${family} addresses (${address}), and families in [firewall] omits IPv${family}`,
            effect: isServed
              ? `${describePort(service, wanted)} is open to everybody over IPv${family}`
              : `no program listens at ${describePort(service, wanted)} over IPv${family} now; it would be open to everybody`,
            fix: 'families = ipv4, ipv6 in [firewall], then knockctl restart',
          },
        ];
      }),
    ),
  );
}

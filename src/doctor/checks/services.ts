/** Each service by itself: who gets in, what is behind it, and whether it is the one that is meant. */
import { isForNobody, type WaysIn } from '../../config/lockout.js';
import type { Config, ServiceSettings } from '../../config/settings.js';
import { chosenService, isForOthers } from '../../firewall/model/service.js';
import type { Finding } from '../../wire/reports.js';
import type { Facts, Listening } from '../facts/facts.js';
import { FAMILIES } from '../../base/address.js';
import { named, servicesOf } from '../facts/ports.js';

/** As many ports as are worth a line. */
const MANY = 6;

/** Shut for everybody and for good, with knockctl at work or without it. */
export function nobodyGetsIn({ config }: Facts): Finding[] {
  if (!config.ok) return [];
  return config.value.settings.services
    .filter((service) => isForNobody(service, waysIn(config.value)))
    .map(({ name }) => ({
      level: 'danger',
      text: `nobody can get into service ${name}: nobody is trusted, and no door accepts into it`,
      effect:
        'its port is shut to everybody, you included, until somebody on this host calls knockctl accept',
      fix: `command = knockctl accept %IP% --service ${name} in a door, or knockctl trust ADDR --save`,
    }));
}

function waysIn({ settings, doors, trusted }: Config): WaysIn {
  return { services: settings.services, doors, trusted };
}

/** Whether a verb that names this service, or none, means this one. */
function isMeant({ settings }: Config, name: string | undefined, service: ServiceSettings): boolean {
  return chosenService(settings.services, name)?.name === service.name;
}

/** Whether a knock opens a service with nothing of ours running. */
export function hasKernelDoor(facts: Facts, service: ServiceSettings): boolean {
  const { config, recognised } = facts;
  if (!config.ok || !service.kernelDoors) return false;
  return config.value.doors.some(({ actions }, index) =>
    (recognised[index]?.kernel ?? []).some((family) => {
      const { start } = actions[family];
      return (
        start?.kind === 'verb' && start.verb === 'accept' && isMeant(config.value, start.service, service)
      );
    }),
  );
}

/** What a door in the kernel is good for when all of ours is dead. */
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
          text: `service ${name} has doors in the kernel, and on_failure = ${word}`,
          effect: 'with hold they go on to open while all of knockctl is dead, and nobody else gets in',
          fix: `on_failure = hold in [service.${name}]`,
        },
      ];
    }
    const isTold = isForNobody(service, waysIn(config.value));
    if (!opens && word === 'hold' && config.value.trusted.length === 0 && !isTold) {
      return [
        {
          level: 'danger',
          text: `service ${name} has on_failure = hold, nobody is trusted, and no door of it is in the kernel`,
          effect: 'should knockctl be lost, nobody gets in any more',
          fix: 'trust an address (knockctl trust ADDR --save), or on_failure = restore; knockctl check says why a door is not in the kernel',
        },
      ];
    }
    return [];
  });
}

/** A service whose port nobody listens at, while somebody listens elsewhere: it may be that one that was meant. */
export function nobodyListens(facts: Facts): Finding[] {
  const services = servicesOf(facts).filter((service) => !isForOthers(service));
  return services.flatMap((service): Finding[] => {
    const { name, protocol, ports } = service;
    const there = facts.listening.filter((one) => one.protocol === protocol && !one.isLoopback);
    if (service.chain !== 'INPUT' || there.some(({ port }) => ports.includes(port))) return [];
    const bare = there.filter(({ port }) => !services.some((one) => protects(one, protocol, port)));
    if (bare.length === 0) return [];
    return [
      {
        level: 'warning',
        text: `nobody listens at ${protocol} port ${ports.join(', ')} (service ${name}), to be reached from elsewhere`,
        effect: `a knock opens a port that nobody answers at; ${whoListens(bare)}, in no service of knockctl`,
        fix: `ports in [service.${name}], or start what it is for`,
      },
    ];
  });
}

/** sshd, where it is among them: that is mostly what is meant; else all of them. */
function whoListens(bare: readonly Listening[]): string {
  const sshd = bare.filter(({ program }) => program === 'sshd');
  const told = [...new Map((sshd.length > 0 ? sshd : bare).map((one) => [one.port, one])).values()];
  const words = told.slice(0, MANY).map(({ program, port }) => `${program ?? 'somebody'} listens at ${port}`);
  return `${words.join(', ')}${told.length > MANY ? ' …' : ''}`;
}

/** The session from which this is called shows by which port its administrator comes in. */
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
      effect: 'whoever wants to can try passwords there',
      fix: `ports = ${port} in a [service.NAME], unless that is meant; with --trial, as each change`,
    },
  ];
}

function protects(service: ServiceSettings, protocol: string, port: number): boolean {
  return service.protocol === protocol && service.ports.includes(port);
}

/** A family that is not protected, though others reach the port by it. */
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
            text: `this host has IPv${family} addresses (${address}), and families in [firewall] leaves IPv${family} out`,
            effect: isServed
              ? `${named(service, wanted)} is open to everybody over IPv${family}`
              : `nobody listens at ${named(service, wanted)} over IPv${family} now; it would be open to everybody`,
            fix: 'families = ipv4, ipv6 in [firewall], then knockctl restart',
          },
        ];
      }),
    ),
  );
}

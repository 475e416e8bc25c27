import { FAMILIES, type Family } from '../../base/address.js';
import type { Config } from '../../config/settings.js';
import { compileDoors } from '../../firewall/doors/compile.js';
import { KernelDoors } from '../../firewall/doors/kernel-doors.js';
import { doorsInstance } from '../../firewall/model/door-names.js';
import { decideEligibility, type Placement } from '../../firewall/doors/eligibility.js';
import { chosenService } from '../../firewall/model/service.js';
import type { Door } from '../../knock/door.js';
import type { Recognised } from '../../wire/reports.js';
import type { Firewall } from '../../firewall/firewall.js';

/** Where the knocks of a configuration are recognised: all by the listener, and by the kernel itself where it can. */

/** The doors that the kernel is to recognise. */
export function kernelDoors(config: Config): KernelDoors {
  const { settings } = config;
  const { listener, firewall, services } = settings;
  const instance = doorsInstance(chosenService(services, undefined)?.name ?? 'ssh');
  const compiled = heardFamilies(config).map((family) => {
    const { duplicates, interfaces } = listener;
    const made = {
      ...{ family, instance, duplicates, interfaces, sources: firewall.doorSources },
      ...(services.some(({ gate }) => gate === 'strict') ? { table: 'mangle' as const } : {}),
    };
    return [family, compileDoors(placements(config, family), made)] as const;
  });
  return new KernelDoors(instance, new Map(compiled));
}

/** For each door of a configuration, in their order, where it is to be recognised. */
export function recognised(config: Config): Recognised[] {
  const families = heardFamilies(config);
  const placed = families.map((family) => placements(config, family));
  return config.doors.map(({ door }, index) => {
    const reasons = placed.flatMap((doors) => {
      const one = doors[index];
      return one === undefined || one.action !== undefined ? [] : [one.reason];
    });
    const kernel = families.filter((_, at) => placed[at]?.[index]?.action !== undefined);
    return { name: door.name, kernel, reasons: [...new Set(reasons)] };
  });
}

/** A configuration, and the firewall in which its doors are. */
interface Recognition {
  readonly config: Config;
  readonly firewall: Pick<Firewall, 'version' | 'doors'>;
}

/** The same as it is now: while a change is on trial, the kernel has the doors of before. */
export function recognisedNow({ config, firewall }: Recognition): Recognised[] {
  const wanted = firewall.version.doors;
  const inKernel = (door: Door, family: Family): boolean =>
    [...wanted.openings(family)].some(
      ([chain, { id }]) => id === door.id && firewall.doors.openings(family).has(chain),
    );
  return recognised(config).map(({ name, kernel, reasons }, index) => {
    const door = config.doors[index]?.door;
    const now = kernel.filter((family) => door !== undefined && inKernel(door, family));
    const later =
      now.length < kernel.length ? ['the change is on trial: in the kernel after knockctl confirm'] : [];
    return { name, kernel: now, reasons: [...reasons, ...later] };
  });
}

/**
 * Services that nobody needs the listener for: some door lets in by the kernel alone, in each family in which knocks are heard,
 * and every door that could let somebody in is recognised there. A line for the shell could.
 */
export function listenerless(config: Config): ReadonlySet<string> {
  const families = heardFamilies(config);
  const { services } = config.settings;
  const isOpenedBy = (service: string, family: Family): boolean => {
    const placed = placements(config, family);
    const opening = config.doors.flatMap(({ door, actions }, index) => {
      const { start } = actions[family];
      if (start === undefined || (door.target !== undefined && door.target.family !== family)) return [];
      const isElsewhere = start.kind === 'verb' && chosenService(services, start.service)?.name !== service;
      const isOther =
        start.kind === 'verb' && (start.verb !== 'accept' || isElsewhere) && start.verb !== 'trust';
      return isOther ? [] : [placed[index]?.action];
    });
    return opening.length > 0 && opening.every((action) => action?.verb === 'accept');
  };
  const names = services.map(({ name }) => name);
  return new Set(
    names.filter((name) => families.length > 0 && families.every((one) => isOpenedBy(name, one))),
  );
}

function placements({ doors, settings }: Config, family: Family): Placement[] {
  const { firewall, listener, services } = settings;
  const { families } = firewall;
  return decideEligibility(doors, services, { families, duplicates: listener.duplicates }, family);
}

/** Families that are protected, and in which knocks are heard. */
function heardFamilies({ settings: { firewall, listener } }: Config): Family[] {
  return FAMILIES.filter(
    (family) => firewall.families.includes(family) && listener.families.includes(family),
  );
}

import { FAMILIES, type Family } from '../../base/address.js';
import { MAX_TIMEOUT_S } from '../../base/limits.js';
import { chosenService } from '../model/service.js';
import type { Command, ConfiguredDoor, KnockedService } from './configured-door.js';

/** How long doors grant access and ban. In seconds, 0 = permanent. Pure. */

type Timed = Pick<ConfiguredDoor, 'actions' | 'cmdTimeoutMs'>;

/** Returns how long a door grants access to a service: any stop command that the kernel can do ends it. */
export function grantTime({ actions, cmdTimeoutMs }: Timed, service: KnockedService, family: Family): number {
  const { start, stop } = actions[family];
  return shorter(
    timeOf(start) ?? service.acceptTimeoutS,
    stop === undefined ? undefined : stopTime(cmdTimeoutMs),
  );
}

/** Returns how long a door bans from a service. A stop command that bans again does not end the ban. */
export function banTime({ actions, cmdTimeoutMs }: Timed, service: KnockedService, family: Family): number {
  const { start, stop } = actions[family];
  const ends = stop?.kind === 'verb' && stop.verb === 'flush';
  return shorter(timeOf(start) ?? service.decoyTimeoutS, ends ? stopTime(cmdTimeoutMs) : undefined);
}

/** Returns the longest ban of any door at a service; undefined if there is none. */
export function longestBan(doors: readonly Timed[], service: KnockedService): number | undefined {
  const times = doors.flatMap((door) =>
    FAMILIES.filter((family) => isVerb(door.actions[family].start, 'drop')).map((family) =>
      banTime(door, service, family),
    ),
  );
  return times.includes(0) ? 0 : times.length === 0 ? undefined : Math.max(...times);
}

/** Returns the shortest grant of any door at one of the services; undefined if there is none. */
export function shortestGrant(
  doors: readonly Timed[],
  services: readonly KnockedService[],
  service: KnockedService,
): number | undefined {
  const times = grantTimes(doors, services, service);
  return times.length === 0 ? undefined : times.reduce((one, other) => (isLonger(one, other) ? other : one));
}

/** Returns the longest one; undefined if there is none. */
export function longestGrant(
  doors: readonly Timed[],
  services: readonly KnockedService[],
  service: KnockedService,
): number | undefined {
  const times = grantTimes(doors, services, service);
  return times.length === 0 ? undefined : times.reduce((one, other) => (isLonger(one, other) ? one : other));
}

function grantTimes(
  doors: readonly Timed[],
  services: readonly KnockedService[],
  service: KnockedService,
): number[] {
  return doors.flatMap((door) =>
    FAMILIES.flatMap((family) => {
      const { start } = door.actions[family];
      if (start?.kind !== 'verb' || start.verb !== 'accept') return [];
      return chosenService(services, start.service)?.name === service.name
        ? [grantTime(door, service, family)]
        : [];
    }),
  );
}

/** True if the first time is longer. */
export function isLonger(timeoutS: number, thanS: number): boolean {
  return thanS !== 0 && (timeoutS === 0 || timeoutS > thanS);
}

function timeOf(command: Command | undefined): number | undefined {
  return command?.kind === 'verb' ? command.timeoutS : undefined;
}

function isVerb(command: Command | undefined, verb: 'drop'): boolean {
  return command?.kind === 'verb' && command.verb === verb;
}

/** Rounds up to whole seconds, at least 1, because 0 means permanent. */
export function stopTime(cmdTimeoutMs: number): number {
  return Math.min(MAX_TIMEOUT_S, Math.max(1, Math.ceil(cmdTimeoutMs / 1000)));
}

/** Returns the shorter of a time (0 = permanent) and an optional one. */
export function shorter(timeoutS: number, endS: number | undefined): number {
  if (endS === undefined) return timeoutS;
  return timeoutS === 0 ? endS : Math.min(timeoutS, endS);
}

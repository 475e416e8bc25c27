import { FAMILIES, type Family } from '../../base/address.js';
import { MAX_TIMEOUT_S } from '../../base/limits.js';
import { chosenService } from '../model/service.js';
import type { Command, ConfiguredDoor, KnockedService } from './configured-door.js';

/** For how long doors let in and ban, whoever carries it out. In seconds, 0 being for ever. Pure. */

type Timed = Pick<ConfiguredDoor, 'actions' | 'cmdTimeoutMs'>;

/** For how long a door lets into a service: any stop command that the kernel can do ends it. */
export function grantTime({ actions, cmdTimeoutMs }: Timed, service: KnockedService, family: Family): number {
  const { start, stop } = actions[family];
  return shorter(
    timeOf(start) ?? service.acceptTimeoutS,
    stop === undefined ? undefined : stopTime(cmdTimeoutMs),
  );
}

/** For how long a door bans from a service. A stop command that bans once more does not end it. */
export function banTime({ actions, cmdTimeoutMs }: Timed, service: KnockedService, family: Family): number {
  const { start, stop } = actions[family];
  const ends = stop?.kind === 'verb' && stop.verb === 'flush';
  return shorter(timeOf(start) ?? service.decoyTimeoutS, ends ? stopTime(cmdTimeoutMs) : undefined);
}

/** The longest time for which any of the doors bans from a service; undefined where none does. */
export function longestBan(doors: readonly Timed[], service: KnockedService): number | undefined {
  const times = doors.flatMap((door) =>
    FAMILIES.filter((family) => isVerb(door.actions[family].start, 'drop')).map((family) =>
      banTime(door, service, family),
    ),
  );
  return times.includes(0) ? 0 : times.length === 0 ? undefined : Math.max(...times);
}

/** The shortest time for which any of the doors lets into one of the services; undefined where none does. */
export function shortestGrant(
  doors: readonly Timed[],
  services: readonly KnockedService[],
  service: KnockedService,
): number | undefined {
  const times = grantTimes(doors, services, service);
  return times.length === 0 ? undefined : times.reduce((one, other) => (isLonger(one, other) ? other : one));
}

/** The longest one. */
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

/** True where the first time is the longer one. */
export function isLonger(timeoutS: number, thanS: number): boolean {
  return thanS !== 0 && (timeoutS === 0 || timeoutS > thanS);
}

function timeOf(command: Command | undefined): number | undefined {
  return command?.kind === 'verb' ? command.timeoutS : undefined;
}

function isVerb(command: Command | undefined, verb: 'drop'): boolean {
  return command?.kind === 'verb' && command.verb === verb;
}

/** In whole seconds, and never 0, which would be for ever. */
export function stopTime(cmdTimeoutMs: number): number {
  return Math.min(MAX_TIMEOUT_S, Math.max(1, Math.ceil(cmdTimeoutMs / 1000)));
}

/** The shorter of a time that may be for ever (0), and one that may not be there. */
export function shorter(timeoutS: number, endS: number | undefined): number {
  if (endS === undefined) return timeoutS;
  return timeoutS === 0 ? endS : Math.min(timeoutS, endS);
}

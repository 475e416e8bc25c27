import { FAMILIES } from '../base/address.js';
import type { DoorSettings, ServiceSettings, TrustedEntry } from './settings.js';

/** Services into which nobody can get, as long as nobody on the host itself lets somebody in. Pure. */

/** What decides about it. */
export interface WaysIn {
  readonly services: readonly ServiceSettings[];
  readonly doors: readonly DoorSettings[];
  readonly trusted: readonly TrustedEntry[];
}

/** True where nobody is trusted and no door lets anybody into the service. What a line of the shell does is not known: it may. */
export function isForNobody(service: ServiceSettings, { services, doors, trusted }: WaysIn): boolean {
  if (trusted.length > 0) return false;
  const commands = doors
    .filter(({ door }) => door.sequence.length === 1 || door.windowMs > 0)
    .flatMap(({ actions }) => FAMILIES.map((family) => actions[family].start));
  return !commands.some(
    (command) =>
      command?.kind === 'shell' ||
      command?.verb === 'trust' ||
      (command?.verb === 'accept' && isMeant(services, command.service, service)),
  );
}

/** Whether a verb that names this service, or none, means this one: without a name, `ssh`, else the first. */
function isMeant(
  services: readonly ServiceSettings[],
  name: string | undefined,
  { name: wanted }: ServiceSettings,
): boolean {
  if (name !== undefined) return name === wanted;
  return (services.some((one) => one.name === 'ssh') ? 'ssh' : services[0]?.name) === wanted;
}

/** Of such services those that stay shut whatever becomes of knockctl, and that nobody has meant to be so. */
export function lockedServices(ways: WaysIn): readonly ServiceSettings[] {
  return ways.services.filter(
    (service) => service.onFailure === 'hold' && service.allowLockout !== true && isForNobody(service, ways),
  );
}

export const LOCKED_OUT = 'nobody can get into service';

/** What is to be said of such a service. */
export function lockoutText({ name }: Pick<ServiceSettings, 'name'>): string {
  return (
    `${LOCKED_OUT} ${name}: nobody is trusted, no door accepts into it, and on_failure = hold keeps it shut; ` +
    `write command = knockctl accept %IP% --service ${name} in a door, or somebody into the trusted list, ` +
    'or allow_lockout = yes here if that is meant'
  );
}

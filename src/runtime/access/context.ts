import type { SetList } from '../../base/lists.js';
import type { Network } from '../../base/address.js';
import type { WarnOnce } from '../../base/warn-once.js';
import type { ConfiguredDoor } from '../../firewall/doors/configured-door.js';
import type { ServiceSettings } from '../../config/settings.js';
import type { SetStore } from '../../firewall/sets/set-store.js';
import type { Resolver } from '../../system/resolver.js';
import type { LogFields } from '../../system/log.js';

/** Who asks for a verb: an administrator, or a door that somebody knocked at. */
export interface Origin {
  readonly kind: 'admin' | 'door';
  /** As the kernel keeps it with the entry: `cli`, `door NAME`. */
  readonly label: string;
  /** It is the stop command of a door, which is to shut what the door has opened. */
  readonly stops?: boolean;
  /** A stop command of the door ends its ban after so many seconds. */
  readonly endsS?: number;
}

/** What verbs act with. The supervisor has it, and a command that acts while no supervisor runs. */
export interface VerbContext {
  readonly sets: SetStore;
  readonly services: readonly ServiceSettings[];
  readonly families: readonly (4 | 6)[];
  /** All doors, for how long they let in and ban: an administrator's grant must outlast a knock. By default, none. */
  readonly doors?: readonly ConfiguredDoor[];
  /** Addresses of this host, which no verb takes: looked up at each call. By default, none. */
  readonly ownSources?: () => readonly Network[];
  /** False where the rules do not know the set of those granted by hand: a template of before it. */
  readonly hasGranted?: boolean;
  /** Lists of banned by doors that were told to be full. */
  readonly full?: WarnOnce;
  /** By which names the trusted of a service are found: those in force first. By default, its own. */
  readonly trustedNames?: (service: string) => readonly string[];
  readonly resolver: Resolver;
  readonly trustedFile: string;
  /** Tells what was done, for log and events. */
  record(kind: string, text: string, fields?: LogFields): void;
  /** Trusted entries taken out by hand must not come back at the next look-up; undefined: all. */
  forgetTrusted(texts: readonly string[] | undefined): void;
}

/** The names of the trusted of a service: what is trusted or not by hand holds for a trial, and for what it goes back to. */
export function trustedNames(context: VerbContext, service: string): readonly string[] {
  return context.trustedNames?.(service) ?? [service];
}

/** The name by which a list of a service is found that packets meet. */
export function listName(context: VerbContext, service: string, list: SetList): string {
  return (list === 'trusted' ? trustedNames(context, service)[0] : undefined) ?? service;
}

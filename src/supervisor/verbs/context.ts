import type { SetList } from '../../base/lists.js';
import type { ServiceSettings } from '../../config/settings.js';
import type { SetStore } from '../../firewall/set-store.js';
import type { Resolver } from '../../system/resolver.js';
import type { LogFields } from '../../system/log.js';

/** Who asks for a verb: an administrator, or a door that somebody knocked at. */
export interface Origin {
  readonly kind: 'admin' | 'door';
  /** As the kernel keeps it with the entry: `cli`, `door NAME`. */
  readonly label: string;
}

/** What verbs act with. The supervisor has it, and a command that acts while no supervisor runs. */
export interface VerbContext {
  readonly sets: SetStore;
  readonly services: readonly ServiceSettings[];
  readonly families: readonly (4 | 6)[];
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

import { SET_LISTS } from '../../base/lists.js';
import { doorsInstance } from '../model/door-names.js';
import { chainPrefix, gateChain } from '../model/names.js';
import type { DesiredService } from './template.js';
import { trialChains } from '../model/names.js';

/** What of ours may be in a table beside what is wanted there, in the form in which planRemove takes it. Pure. */

/** The chains of a service of which only the name is known. */
export function standardService(service: string): DesiredService {
  const chains = ['policy', 'reassemble', 'hidden', 'headers', 'stray', ...SET_LISTS].map(
    (part) => chainPrefix(service) + part,
  );
  return knownChains(service, [...chains, ...trialChains(service, chains).values()]);
}

/** The chains of its second gate, in the table mangle. */
export function standardGate(service: string): DesiredService {
  const gate = gateChain(service);
  const chains = [gate, ...['join', 'hide', 'head', 'stray'].map((part) => `${gate}.${part}`)];
  return { ...knownChains(service, [...chains, ...trialChains(service, chains).values()]), table: 'mangle' };
}

/** Chains of which only the names are known. */
export function knownChains(service: string, chains: readonly string[]): DesiredService {
  return { service, chains: new Map(chains.map((chain) => [chain, []])), jumps: [] };
}

/** All chains that services have rules in: their own, and those of others that hold a jump. */
export function chainsOf(services: readonly DesiredService[]): string[] {
  return services.flatMap(({ chains, jumps }) => [...chains.keys(), ...jumps.map(({ chain }) => chain)]);
}

/** Tells lines of a save that concern these services, or doors of theirs or of these instances. */
export function isOurs(services: readonly string[], instances: Iterable<string>): (line: string) => boolean {
  const prefixes = services.map(chainPrefix);
  const doors = [...instances, ...services.map(doorsInstance)].map((name) => `${name}.`);
  return (line) => [...prefixes, ...doors].some((prefix) => line.includes(prefix));
}

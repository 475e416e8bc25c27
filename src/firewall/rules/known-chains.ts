import { SET_LISTS } from '../../base/lists.js';
import { doorsInstance } from '../model/door-names.js';
import { chainPrefix, gateChain } from '../model/names.js';
import type { DesiredService } from './template.js';
import { trialChains } from '../model/names.js';

/** Chains of knockctl that may be in a table besides the desired ones, in the form that planRemove takes. Pure. */

/** The standard chains of a service of which only the name is known. */
export function standardService(service: string): DesiredService {
  const chains = ['policy', 'reassemble', 'hidden', 'headers', 'stray', ...SET_LISTS].map(
    (part) => chainPrefix(service) + part,
  );
  return knownChains(service, [...chains, ...trialChains(service, chains).values()]);
}

/** The standard chains of its strict gate, in table mangle. */
export function standardGate(service: string): DesiredService {
  const gate = gateChain(service);
  const chains = [gate, ...['join', 'hide', 'head', 'stray'].map((part) => `${gate}.${part}`)];
  return { ...knownChains(service, [...chains, ...trialChains(service, chains).values()]), table: 'mangle' };
}

/** Chains of which only the names are known, as a service without rules and jumps. */
export function knownChains(service: string, chains: readonly string[]): DesiredService {
  return { service, chains: new Map(chains.map((chain) => [chain, []])), jumps: [] };
}

/** Returns all chains with rules of these services: their own, and the parent chains of their jumps. */
export function chainsOf(services: readonly DesiredService[]): string[] {
  return services.flatMap(({ chains, jumps }) => [...chains.keys(), ...jumps.map(({ chain }) => chain)]);
}

/** Returns a filter for lines of a save that concern these services, their doors or the doors of these instances. */
export function isOurs(services: readonly string[], instances: Iterable<string>): (line: string) => boolean {
  const prefixes = services.map(chainPrefix);
  const doors = [...instances, ...services.map(doorsInstance)].map((name) => `${name}.`);
  return (line) => [...prefixes, ...doors].some((prefix) => line.includes(prefix));
}

import type { Family } from '../../base/address.js';
import { ConfigError } from '../../base/errors.js';
import { chains } from '../../iptables-parser/query.js';
import type { Table } from '../../iptables-parser/document.js';
import { knownChains } from './known-chains.js';
import { chainPrefix, gateChain, isGateChain } from '../model/names.js';
import { ALL_READABLE, readableWords, type Readable } from '../model/readable.js';
import type { Service } from '../model/service.js';
import { expandRules, placeholders, type DesiredService, type Template } from './template.js';

/**
 * The strict gate of a service with `gate = strict`: rules in table mangle, which a packet traverses before filter. It
 * only drops (its rules have no ACCEPT), so a foreign rule in filter cannot open the port, nor can a flush of table
 * filter. Pure.
 */

/** The chain of mangle that precedes a chain of filter; foreign chains have none. */
const BEFORE: ReadonlyMap<string, string> = new Map([
  ['INPUT', 'INPUT'],
  ['FORWARD', 'FORWARD'],
  // Docker jumps to it from FORWARD, after DNAT; mangle's FORWARD is also after DNAT.
  ['DOCKER-USER', 'FORWARD'],
]);

/** Returns the chain of mangle that sees the packets of a chain of filter; undefined if that is unknown. */
export function chainBefore(chain: string): string | undefined {
  return BEFORE.get(chain);
}

/** The target for undecided packets while the watchdog is tripped: on to filter. */
const WHEN_LOST = { restore: 'RETURN', flush: 'RETURN', hold: undefined } as const;

/** Returns the rules of a service's gate for a family. Throws ConfigError if the template is invalid or missing. */
export function expandGate(
  { gate, file }: Template,
  service: Service,
  family: Family,
  log: string | undefined,
  readable: Readable = ALL_READABLE,
): DesiredService {
  const chain = chainBefore(service.chain);
  const fault = (message: string): ConfigError =>
    new ConfigError([{ file, line: 0, message: `[service.${service.name}] ${message}` }]);
  if (gate === undefined) throw fault('gate = strict: the template gate.rules is missing');
  if (chain === undefined) throw fault(`gate = strict: not for the chain ${service.chain}`);
  const seen = { ...service, chain };
  const values = placeholders(seen, family, log, WHEN_LOST[service.onFailure]);
  for (const [name, words] of Object.entries(readableWords(seen, family, readable))) values.set(name, words);
  return expandRules(gate, seen, values, {
    table: 'mangle',
    main: gateChain(service.name),
    begin: `${chainPrefix('@SERVICE@')}gate`,
    isOwn: (name) => isGateChain(name, service.name),
  });
}

/** Returns the gate chains of these services in table mangle, as something to remove. */
export function gatesIn(table: Table | undefined, services: readonly string[]): DesiredService[] {
  const present = table === undefined ? [] : chains(table).map(({ name }) => name);
  return [...new Set(services)].map((service) => ({
    ...knownChains(
      service,
      present.filter((chain) => isGateChain(chain, service)),
    ),
    table: 'mangle',
  }));
}

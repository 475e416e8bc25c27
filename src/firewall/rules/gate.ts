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
 * The second gate of a service with `gate = strict`: in the table mangle, which a packet passes before it comes to
 * filter. It only shuts (its rules give no ACCEPT), so that a rule of somebody else in filter opens nothing, nor does a
 * table filter that somebody has emptied. Pure.
 */

/** Where packets of a chain of filter are seen before; undefined for a chain of somebody else's. */
const BEFORE: ReadonlyMap<string, string> = new Map([
  ['INPUT', 'INPUT'],
  ['FORWARD', 'FORWARD'],
  // Docker jumps to it from FORWARD, behind its DNAT, as mangle's FORWARD is.
  ['DOCKER-USER', 'FORWARD'],
]);

/** The chain of mangle that has the packets of a chain of filter; undefined where that cannot be known. */
export function chainBefore(chain: string): string | undefined {
  return BEFORE.get(chain);
}

/** The target of those that no rule decides about while knockctl is lost: on to filter. */
const WHEN_LOST = { restore: 'RETURN', flush: 'RETURN', hold: undefined } as const;

/** The rules of a service's gate for a family. Throws ConfigError where the template is not one of a gate, or cannot be had. */
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

/** What the table mangle holds of the gates of these services, in the form of what has to go. */
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

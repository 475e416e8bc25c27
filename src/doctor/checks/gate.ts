/**
 * Foreign rules before knockctl's: those that `gate = strict` would keep from opening a port, and those that a strict
 * gate has made useless.
 */
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';
import { acceptedAt, type Accepted } from '../facts/let-in.js';
import { eachPort, familyNames, familiesOf, describePort } from '../facts/ports.js';

/** Reports foreign rules before knockctl's for each port, by the gate of its service. */
export function gates(facts: Facts): Finding[] {
  return eachPort(facts).flatMap(({ service, wanted }): Finding[] => {
    const rules = facts.backend === undefined ? undefined : facts.rules.get(facts.backend);
    return familiesOf(facts).flatMap((family): Finding[] => {
      const found = acceptedAt(rules?.get(family), service.chain, wanted, 'front');
      const accepting = texts(found);
      if (accepting === '') return [];
      const where = `before knockctl's jump in ${service.chain} (${familyNames([family])})`;
      const trust = found.sources.map((source) => `knockctl trust ${source} --save`).join(', ');
      if (service.gate === 'strict') {
        return [
          {
            level: 'note',
            text: `a rule ${where} does not open ${describePort(service, wanted)}: ${accepting}`,
            effect: 'the service has gate = strict: sources that need access without a knock must be trusted',
            fix: trust === '' ? 'delete that rule if it is not needed' : trust,
          },
        ];
      }
      return [
        {
          level: 'note',
          text: `a rule ${where} decides about ${describePort(service, wanted)} first: ${accepting}`,
          effect: 'sources that it accepts need no knock, and bans have no effect on them',
          fix: `if that is not intended: gate = strict in [service.${service.name}], with which no rule of table filter opens the port${trust === '' ? '' : `; to keep access for those sources: ${trust}`}`,
        },
      ];
    });
  });
}

function texts({ sources, others, everybody }: Accepted): string {
  return [
    ...(sources.length === 0 ? [] : [`accepts from ${sources.join(', ')}`]),
    ...others,
    ...(everybody === undefined ? [] : [everybody]),
  ].join('; ');
}

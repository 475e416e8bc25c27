/** Rules in front of ours, which `gate = strict` would keep from opening a port; and such as a gate has made useless. */
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';
import { letIn, type LetIn } from '../facts/let-in.js';
import { eachPort, families, familiesOf, named } from '../facts/ports.js';

/** What a rule of somebody else in front of ours means for each port, by the gate of its service. */
export function gates(facts: Facts): Finding[] {
  return eachPort(facts).flatMap(({ service, wanted }): Finding[] => {
    const rules = facts.backend === undefined ? undefined : facts.rules.get(facts.backend);
    return familiesOf(facts).flatMap((family): Finding[] => {
      const found = letIn(rules?.get(family), service.chain, wanted, 'front');
      const accepting = texts(found);
      if (accepting === '') return [];
      const where = `in front of ours in ${service.chain} (${families([family])})`;
      const trust = found.sources.map((source) => `knockctl trust ${source} --save`).join(', ');
      if (service.gate === 'strict') {
        return [
          {
            level: 'note',
            text: `what stands ${where} opens ${named(service, wanted)} to nobody: ${accepting}`,
            effect: 'the service has gate = strict: who is to get in without a knock must be trusted',
            fix: trust === '' ? 'take that rule out, if nobody needs it' : trust,
          },
        ];
      }
      return [
        {
          level: 'note',
          text: `what stands ${where} decides about ${named(service, wanted)} before us: ${accepting}`,
          effect: `whom it accepts needs no knock, and no ban keeps them out`,
          fix: `if that is not meant: gate = strict in [service.${service.name}], with which no rule of the table filter opens the port${trust === '' ? '' : `; and for whom is to get in: ${trust}`}`,
        },
      ];
    });
  });
}

function texts({ sources, others, everybody }: LetIn): string {
  return [
    ...(sources.length === 0 ? [] : [`accepts from ${sources.join(', ')}`]),
    ...others,
    ...(everybody === undefined ? [] : [everybody]),
  ].join('; ');
}

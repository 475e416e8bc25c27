/** Checks who can find out a sequence: from files, and by response times. */
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';
import { familyNames, familiesOf, programs } from '../facts/ports.js';
import { reach } from '../facts/reach.js';

export function readableSecrets({ readableSecrets: files = [] }: Facts): Finding[] {
  return files.map(({ path, holds }) => ({
    level: 'warning',
    text: `${path} can be read by every user of this host, and ${holds}`,
    effect: 'the knock is no secret to users of this host, or to readers of a copy of that file',
    fix: `chmod o= ${path}; then change the sequence, in case it was read`,
  }));
}

/**
 * A closed port refuses connections, and a knock port does so slightly later than others (measured,
 * docs/threat-model.md); dropped packets reveal nothing.
 */
export function answeringPorts(facts: Facts): Finding[] {
  const { config, backend, rules } = facts;
  if (!config.ok || backend === undefined || config.value.settings.services.length === 0) return [];
  const ports = config.value.doors.flatMap(({ door: { sequence, target } }) =>
    target === undefined ? sequence.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port) : [],
  );
  const answering = familiesOf(facts).filter((family) => {
    const ruleset = rules.get(backend)?.get(family);
    return (
      ruleset !== undefined &&
      ports.some((port) => reach(ruleset, 'INPUT', { protocol: 'tcp', port }).who !== 'nobody')
    );
  });
  if (answering.length === 0) return [];
  const tools = programs(answering, backend).join(' and ');
  return [
    {
      level: 'note',
      text: `knock ports answer like any closed port: with a refusal (${familyNames(answering)})`,
      effect:
        'an unknown client that measures many answers can find out the knock ports, but not their order; it also sees that the protected port drops packets while others refuse',
      fix: `accept wanted ports and existing sessions (${tools}  -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT), then drop the rest: -A INPUT -j DROP as its last rule`,
    },
  ];
}

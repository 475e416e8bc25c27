/** Who can find the sequence out: from files that hold it, and by the time that an answer takes. */
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';
import { families, familiesOf, programs } from '../facts/ports.js';
import { reach } from '../facts/reach.js';

export function readableSecrets({ readableSecrets: files = [] }: Facts): Finding[] {
  return files.map(({ path, holds }) => ({
    level: 'warning',
    text: `${path} can be read by every user of this host, and ${holds}`,
    effect: 'the knock keeps out nobody who has an account here, or who sees a copy of that file',
    fix: `chmod o= ${path}; then another sequence, if somebody may have read it`,
  }));
}

/**
 * A closed port refuses, and a knock port does so a little later than others (measured, docs/threat-model.md); what is dropped tells nothing.
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
      text: `knock ports answer like any port at which nobody listens: with a refusal (${families(answering)})`,
      effect:
        'a stranger who measures many answers can find out which ports they are, though not their order; and sees that the hidden port is dropped where others refuse',
      fix: `let in what is to be reached, and the sessions that there are (${tools} -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT), then drop the rest: -A INPUT -j DROP as its last rule`,
    },
  ];
}

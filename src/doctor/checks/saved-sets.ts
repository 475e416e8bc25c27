/** Sets of knockctl's that somebody has saved, and that a program loads again which knows nothing of what was taken out since. */
import { savedLists } from '../../firewall/ownership/saved-sets.js';
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';
import { servicesOf } from '../facts/ports.js';

export function savedSets(facts: Facts): Finding[] {
  const services = servicesOf(facts).map(({ name }) => name);
  return (facts.savedSets ?? []).flatMap(({ path, text, by }): Finding[] => {
    const { sets, entries } = savedLists(text, services);
    if (sets.length === 0) return [];
    const held = sets.length === 1 ? 'a set' : `${sets.length} sets`;
    const lines = `/^(create|add) (${services.join('|')})(\\.new)?_(filter|granted|banned|decoyed|trusted|alive|trial)[46]? /d`;
    const again =
      by === 'ipset-persistent'
        ? '; IPSET_SKIP_SAVE=yes in /etc/default/netfilter-persistent keeps netfilter-persistent save from writing them again'
        : '';
    return [
      {
        level: 'warning',
        text: `${path} holds ${held} of knockctl's (${sets[0] ?? ''}${sets.length > 1 ? ' …' : ''}; ${entries} ${entries === 1 ? 'entry' : 'entries'}), and ${by} loads it`,
        effect:
          'at a boot whoever is in that file is in again, with the whole time, until knockctl has started: then its own files count, and events names whom it took out. If the file is loaded while knockctl runs, they are in until they are flushed again',
        fix: `sed -i -E '${lines}' ${path}${again}`,
      },
    ];
  });
}

import { BACKENDS, type BackendName } from '../../firewall/model/backend-name.js';
import { commands, tables } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import type { Family } from '../../base/address.js';

/** By its comment, as each jump of ours has one. */
export function isOurs({ comments }: Rule): boolean {
  return comments.some((text) => text.startsWith('knockctl:'));
}

/** The back ends that rules of ours stand in; both only where an earlier life left some. */
export function backendsOfOurs(rules: ReadonlyMap<BackendName, ReadonlyMap<Family, Ruleset>>): BackendName[] {
  return BACKENDS.filter((name) => [...(rules.get(name)?.values() ?? [])].some(hasOurs));
}

function hasOurs(ruleset: Ruleset): boolean {
  return tables(ruleset).flatMap(commands).some(isOurs);
}

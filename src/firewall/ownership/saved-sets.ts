import { trialLabel, aliveSet, trialSet } from '../model/names.js';
import { serviceSets, trialSets, type SetSpec } from '../sets/set-specs.js';

/** Rules that somebody has saved, and the sets of ours that they name. Pure. */

/** What netfilter-persistent loads at a boot. */
export const PERSISTENT: readonly string[] = ['/etc/iptables/rules.v4', '/etc/iptables/rules.v6'];

/** Whether saved rules hold ours: with a set missing none of them can be loaded (iptables-restore(8)). */
export function holdsOurs(text: string): boolean {
  return /^-A .*--comment "?knockctl:/m.test(text);
}

/** The comment of a jump of ours (jumpTag): that of a service, or of doors. */
const JUMP = /"knockctl:([\w-]+)(\.doors)?"/g;
/** A rule that names a set: it can be loaded only where the set is there. */
const NAMED = /--(?:match|add|del)-set (\S+)/g;
const DOOR_SET = /^([\w-]+)\..+_(?:window|done\d+\.)([46])$/;
/** For doors that the configuration does not have: nobody will want them as they are. */
const DOOR_KIND = 'hashsize 64 timeout 30';

/**
 * The sets of ours that a text of iptables-save names, of the kind that their names tell. Ours are those of services and
 * doors whose jump is in the same text: other people's sets may have names like them.
 */
export function savedSets(text: string): SetSpec[] {
  const tags = [...text.matchAll(JUMP)].map(([, name = '', doors]) => ({
    name,
    isDoors: doors !== undefined,
  }));
  const services = tags.filter(({ isDoors }) => !isDoors).map(({ name }) => name);
  const instances = tags.filter(({ isDoors }) => isDoors).map(({ name }) => name);
  const known = services
    .flatMap((name) => [...serviceSets(name), ...serviceSets(trialLabel(name)), ...trialSets(name)])
    .map((spec) => [spec.name, spec] as const);
  const byName = new Map(known);
  const names = new Set([...text.matchAll(NAMED)].map(([, name = '']) => name));
  return [...names].flatMap((name) => byName.get(name) ?? doorSet(name, instances) ?? []);
}

function doorSet(name: string, instances: readonly string[]): SetSpec | undefined {
  const [, instance = '', digit] = DOOR_SET.exec(name) ?? [];
  if (!instances.includes(instance)) return undefined;
  return { name, create: `hash:ip family ${digit === '4' ? 'inet' : 'inet6'} ${DOOR_KIND}` };
}

/** Sets of services in the text of `ipset save`, and how many entries their lists have. */
interface SavedLists {
  readonly sets: readonly string[];
  readonly entries: number;
}

/** What a text of `ipset save` holds of services: it may be anybody's, of any time. */
export function savedLists(text: string, services: readonly string[]): SavedLists {
  const specs = services.flatMap((name) => [...serviceSets(name), ...trialSets(name)]);
  const ours = new Set(specs.map(({ name }) => name));
  const switches = new Set(services.flatMap((name) => [aliveSet(name), trialSet(name)]));
  const sets = [...text.matchAll(/^create (\S+) /gm)].map(([, name = '']) => name);
  // A sentinel is a nomatch, and no entry of anybody's.
  const added = [...text.matchAll(/^add (\S+) .*$/gm)].filter(([line]) => !/ nomatch(?: |$)/.test(line));
  const entries = added.filter(([, name = '']) => ours.has(name) && !switches.has(name));
  return { sets: sets.filter((name) => ours.has(name)), entries: entries.length };
}

/** Foreign rules of the host: those that block everybody, and those that bypass knockctl's. */
import { BACKENDS } from '../../firewall/model/backend-name.js';
import { BUILT_IN, chainNames } from '../../firewall/rules/plan.js';
import { findTable } from '../../iptables-parser/query.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';
import { backendsOfOurs, isOurs } from '../facts/ours.js';
import { eachPort, familyNames, familiesOf, describePort, programs } from '../facts/ports.js';
import { reach, type Reach } from '../facts/reach.js';
import { hasKernelDoor } from './services.js';

/** Packets traverse the rules of both back ends, and a DROP in either is final. */
export function bothBackends({ rules, backend }: Facts): Finding[] {
  const used = BACKENDS.filter((name) => [...(rules.get(name)?.values() ?? [])].some(hasRules));
  if (used.length < 2) return [];
  const where = 'in the order of “Two back ends” in docs/neighbours.md (or /usr/share/doc/knockctl/docs)';
  const inLegacy = backend === 'legacy' || backendsOfOurs(rules).includes('legacy');
  return [
    {
      level: 'warning',
      text: 'both iptables back ends hold rules of this host, nft and legacy',
      effect: 'each packet passes both, and a DROP in either is final',
      // Flushing the back end with knockctl's rules, or one with policy DROP, closes open ports.
      fix:
        backend === 'nft' && !inLegacy
          ? `move the legacy rules to nft, where knockctl's belong, ${where}; never flush iptables-nft`
          : `knockctl stop first${inLegacy ? ', because its rules are in legacy' : ''}; then move the legacy rules to nft, ${where}`,
    },
  ];
}

/** Foreign rules in the back end that knockctl does not use: a port closed there stays closed after a knock. */
export function otherBackend(facts: Facts): Finding[] {
  const { backend } = facts;
  const other = BACKENDS.find((name) => name !== backend);
  if (backend === undefined || other === undefined) return [];
  return eachPort(facts).flatMap(({ service, wanted }): Finding[] => {
    const shut = familiesOf(facts).filter(
      (family) => reach(facts.rules.get(other)?.get(family), service.chain, wanted).who === 'nobody',
    );
    if (shut.length === 0) return [];
    return [
      {
        level: 'danger',
        text: `${describePort(service, wanted)} is closed by rules of ${programs(shut, other).join(' and ')} (${familyNames(shut)}), while knockctl's rules are in ${programs(shut, backend).join(' and ')}`,
        effect: 'a knock has no effect: a DROP in either back end is final',
        fix: `${shown(shut, other, service.chain)} shows them; delete them there, or set backend = ${other} in [firewall]`,
      },
    ];
  });
}

/** With `restore`, the host's own rules decide about new connections while knockctl is dead. */
export function noOtherWayIn(facts: Facts): Finding[] {
  const trusted = facts.config.ok && facts.config.value.trusted.length > 0;
  return eachPort(facts).flatMap(({ service, wanted }): Finding[] => {
    if (service.onFailure !== 'restore' || facts.backend === undefined) return [];
    const rules = facts.rules.get(facts.backend);
    const shut = familiesOf(facts).filter(
      (family) => reach(rules?.get(family), service.chain, wanted).who === 'nobody',
    );
    if (shut.length === 0) return [];
    return [
      {
        level: trusted ? 'warning' : 'danger',
        text: `${describePort(service, wanted)} has on_failure = restore, but the host's own rules let nobody in (${familyNames(shut)})`,
        effect: `if knockctl dies, ${trusted ? 'only trusted addresses get in' : 'nobody gets in'}, not even after a knock`,
        fix: hasKernelDoor(facts, service)
          ? `on_failure = hold in [service.${service.name}]: kernel doors still open the port; or add a rule of your own that accepts the port from your address`
          : `${trusted ? '' : 'trust an address (knockctl trust ADDR --save) with on_failure = hold, or '}add a rule of your own that accepts the port from your address`,
      },
    ];
  });
}

/** With `hook = last`, a foreign rule decides before knockctl's jump. */
export function neverReached(facts: Facts): Finding[] {
  if (!facts.config.ok || facts.config.value.settings.firewall.hook !== 'last') return [];
  return eachPort(facts).flatMap(({ service, wanted }): Finding[] => {
    const rules = facts.backend === undefined ? undefined : facts.rules.get(facts.backend);
    const before = (is: (met: Reach) => boolean): readonly (4 | 6)[] =>
      familiesOf(facts).filter((family) => is(reach(rules?.get(family), service.chain, wanted)));
    const behind = 'and hook = last puts knockctl’s jump after it';
    const finding = (level: Finding['level'], text: string, effect: string): Finding => ({
      level,
      text: `a rule in ${service.chain} ${text}, ${behind}`,
      effect,
      fix: 'hook = first in [firewall], or delete that rule',
    });
    const open = before(({ who, by }) => who === 'everybody' && by === 'rule');
    const some = before(({ who, by, isAccepted }) => isAccepted && !(who === 'everybody' && by === 'rule'));
    const shut = before(({ who, by }) => who === 'nobody' && by === 'rule');
    const port = describePort(service, wanted);
    return [
      ...(open.length === 0
        ? []
        : [
            finding(
              'danger',
              `accepts ${port} from everybody (${familyNames(open)})`,
              'the port is not protected: knockctl’s rules are never reached',
            ),
          ]),
      ...(some.length === 0
        ? []
        : [
            finding(
              'warning',
              `accepts ${port} from some (${familyNames(some)})`,
              'they need no knock, and bans have no effect on them',
            ),
          ]),
      ...(shut.length === 0
        ? []
        : [
            finding(
              'danger',
              `refuses ${port} to everybody (${familyNames(shut)})`,
              'a knock has no effect, and trusted addresses are blocked too: knockctl’s rules are never reached',
            ),
          ]),
    ];
  });
}

/** A jump into a foreign chain waits until the chain exists. */
export function absentChain(facts: Facts): Finding[] {
  const { config, backend } = facts;
  if (!config.ok || backend === undefined) return [];
  return config.value.settings.services.flatMap((service): Finding[] => {
    const { name, chain } = service;
    const absent = BUILT_IN.includes(chain)
      ? []
      : familiesOf(facts).filter((family) => !hasChain(facts.rules.get(backend)?.get(family), chain));
    if (absent.length === 0) return [];
    const isWhole = absent.length === familiesOf(facts).length;
    return [
      {
        level: isWhole ? 'danger' : 'warning',
        text: `chain ${chain} of service ${name} does not exist (${familyNames(absent)})`,
        effect: `service ${name} is not protected there; the jump is added as soon as the chain exists`,
        fix: isWhole
          ? `start the program that makes it (systemctl start docker makes DOCKER-USER), or fix chain in [service.${name}]`
          : `without ${familyNames(absent)} rules, Docker serves published ports by docker-proxy, which passes INPUT: publish at an address of the other family (-p ADDRESS:PORT:PORT), or protect the host's port by another service`,
      },
    ];
  });
}

function hasChain(ruleset: Ruleset | undefined, chain: string): boolean {
  return chainNames(ruleset && findTable(ruleset, 'filter')).has(chain);
}

/** True for anything beyond empty built-in chains with policy ACCEPT and knockctl's rules. */
function hasRules(ruleset: Ruleset): boolean {
  return ruleset.entries.some(
    (entry) =>
      entry.kind === 'table' &&
      entry.lines.some(
        (line) =>
          (line.kind === 'chain' && line.policy === 'DROP') || (line.kind === 'rule' && !isOurs(line)),
      ),
  );
}

/** Returns the commands that show a chain: `iptables-legacy -S INPUT and ip6tables-legacy -S INPUT`. */
function shown(which: readonly (4 | 6)[], backend: string, chain: string): string {
  return programs(which, backend)
    .map((program) => `${program} -S ${chain}`)
    .join(' and ');
}

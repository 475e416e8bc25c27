/** Rules of the host beside ours: those that keep everybody out, and those that ours never see. */
import { BACKENDS } from '../../firewall/model/backend-name.js';
import { BUILT_IN, chainNames } from '../../firewall/rules/plan.js';
import { findTable } from '../../iptables-parser/query.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';
import { backendsOfOurs, isOurs } from '../facts/ours.js';
import { eachPort, families, familiesOf, named, programs } from '../facts/ports.js';
import { reach, type Reach } from '../facts/reach.js';
import { hasKernelDoor } from './services.js';

/** Rules in both back ends are both traversed, and a DROP in either wins. */
export function bothBackends({ rules, backend }: Facts): Finding[] {
  const used = BACKENDS.filter((name) => [...(rules.get(name)?.values() ?? [])].some(hasRules));
  if (used.length < 2) return [];
  const where = 'in the order of “Two back ends” in docs/neighbours.md (or /usr/share/doc/knockctl/docs)';
  const inLegacy = backend === 'legacy' || backendsOfOurs(rules).includes('legacy');
  return [
    {
      level: 'warning',
      text: 'both back ends of iptables have rules of this host, nft and legacy',
      effect: 'each packet passes both, and a DROP in either wins',
      // Flushing the back end that ours are in, or one with the policy DROP, shuts what is open.
      fix:
        backend === 'nft' && !inLegacy
          ? `move those of legacy to nft, where ours belong, ${where}; never flush iptables-nft`
          : `knockctl stop first${inLegacy ? ', for ours belong to legacy' : ''}; then move those of legacy to nft, ${where}`,
    },
  ];
}

/** What stands in the other back end, where none of our rules is: a port shut there stays shut for who has knocked. */
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
        text: `${named(service, wanted)} is shut by rules of ${programs(shut, other).join(' and ')} (${families(shut)}), and ours are in ${programs(shut, backend).join(' and ')}`,
        effect: 'a knock opens nothing: a DROP in either back end wins',
        fix: `${shown(shut, other, service.chain)} shows them; take them out there, or set backend = ${other} in [firewall]`,
      },
    ];
  });
}

/** With `restore` a dead knockctl leaves new connections to the host's own rules. */
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
        text: `${named(service, wanted)} has on_failure = restore, and the host's own rules let nobody in there (${families(shut)})`,
        effect: `should knockctl be lost, ${trusted ? 'only trusted addresses get in' : 'nobody gets in'}: not even who has knocked`,
        fix: hasKernelDoor(facts, service)
          ? `on_failure = hold in [service.${service.name}]: doors in the kernel go on to open; or a rule of your own that accepts the port from where you are`
          : `${trusted ? '' : 'trust an address (knockctl trust ADDR --save) with on_failure = hold, or '}a rule of your own that accepts the port from where you are`,
      },
    ];
  });
}

/** With `hook = last` a rule before ours decides before us. */
export function neverReached(facts: Facts): Finding[] {
  if (!facts.config.ok || facts.config.value.settings.firewall.hook !== 'last') return [];
  return eachPort(facts).flatMap(({ service, wanted }): Finding[] => {
    const rules = facts.backend === undefined ? undefined : facts.rules.get(facts.backend);
    const before = (is: (met: Reach) => boolean): readonly (4 | 6)[] =>
      familiesOf(facts).filter((family) => is(reach(rules?.get(family), service.chain, wanted)));
    const behind = 'and hook = last puts ours behind it';
    const told = (level: Finding['level'], text: string, effect: string): Finding => ({
      level,
      text: `a rule in ${service.chain} ${text}, ${behind}`,
      effect,
      fix: 'hook = first in [firewall], or take that rule out',
    });
    const open = before(({ who, by }) => who === 'everybody' && by === 'rule');
    const some = before(({ who, by, isAccepted }) => isAccepted && !(who === 'everybody' && by === 'rule'));
    const shut = before(({ who, by }) => who === 'nobody' && by === 'rule');
    const port = named(service, wanted);
    return [
      ...(open.length === 0
        ? []
        : [
            told(
              'danger',
              `accepts ${port} from everybody (${families(open)})`,
              'the port is not protected: our rules are never reached',
            ),
          ]),
      ...(some.length === 0
        ? []
        : [
            told(
              'warning',
              `accepts ${port} from some (${families(some)})`,
              'they need no knock, and a ban does not keep them out',
            ),
          ]),
      ...(shut.length === 0
        ? []
        : [
            told(
              'danger',
              `refuses ${port} to everybody (${families(shut)})`,
              'a knock opens nothing, and nobody is trusted: our rules are never reached',
            ),
          ]),
    ];
  });
}

/** The jump into a chain that somebody else makes waits for it. */
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
        text: `there is no chain ${chain} (${families(absent)}), into which service ${name} belongs`,
        effect: `service ${name} is not protected there; the jump goes in as soon as somebody makes the chain`,
        fix: isWhole
          ? `start what makes it (systemctl start docker makes DOCKER-USER), or fix chain in [service.${name}]`
          : `Docker without ${families(absent)} rules serves published ports there by docker-proxy, which passes INPUT: publish at an address of the other family (-p ADDRESS:PORT:PORT), or protect the host's port by another service`,
      },
    ];
  });
}

function hasChain(ruleset: Ruleset | undefined, chain: string): boolean {
  return chainNames(ruleset && findTable(ruleset, 'filter')).has(chain);
}

/** Beyond empty built-in chains with the policy ACCEPT, and what is ours. */
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

/** `iptables-legacy -S INPUT and ip6tables-legacy -S INPUT`. */
function shown(which: readonly (4 | 6)[], backend: string, chain: string): string {
  return programs(which, backend)
    .map((program) => `${program} -S ${chain}`)
    .join(' and ');
}

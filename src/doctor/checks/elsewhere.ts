/** What decides about a port besides table filter of iptables: rules of nat, and nft tables. */
import { FAMILIES, type Family } from '../../base/address.js';
import type { ServiceSettings } from '../../config/settings.js';
import { isForOthers } from '../../firewall/model/service.js';
import { BACKENDS } from '../../firewall/model/backend-name.js';
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';
import { familiesOfTable, mayAccept, refusesRest, type NftTable } from '../facts/nft-table.js';
import { eachPort, familyNames, familiesOf, describePort, type ServicePort } from '../facts/ports.js';
import { redirectionsOf, type Redirected } from '../facts/sent-on.js';

/** Redirected ports, such as published ports of containers, pass FORWARD and never INPUT. */
export function redirectedPorts(facts: Facts): Finding[] {
  return eachPort(facts).flatMap(({ service, wanted }): Finding[] => {
    if (service.chain !== 'INPUT') return [];
    const found = FAMILIES.flatMap((family) =>
      BACKENDS.flatMap((name) =>
        redirectionsOf(facts.rules.get(name)?.get(family), wanted)
          .filter(({ to }) => to === undefined || !service.ports.includes(Number(to)))
          .map((one) => ({ ...one, family })),
      ),
    );
    const whole = found.filter(({ isNamed, share }) => isNamed || share === 'all');
    const some = found.filter((one) => !whole.includes(one));
    return [
      ...(whole.length === 0 ? [] : [redirectedFinding({ service, wanted }, whole)]),
      // Usually rules for other addresses of this host, which do not concern the service.
      ...(some.length === 0 || whole.length > 0 ? [] : [partlyRedirectedFinding({ service, wanted }, some)]),
    ];
  });
}

type Found = Redirected & { readonly family: Family };

function familiesIn(found: readonly Found[]): string {
  return familyNames(FAMILIES.filter((family) => found.some((one) => one.family === family)));
}

function redirectedFinding({ service, wanted }: ServicePort, found: readonly Found[]): Finding {
  const to = found.find((one) => one.to !== undefined)?.to;
  if (to !== undefined && found.every((one) => one.to !== undefined)) {
    return {
      level: 'danger',
      text: `${describePort(service, wanted)} is redirected to port ${to} of this host by REDIRECT (${familiesIn(found)})`,
      effect: 'such packets pass INPUT with that port, so the original port is not protected',
      fix: `add ${to} to ports in [service.${service.name}]`,
    };
  }
  return {
    level: 'danger',
    text: `${describePort(service, wanted)} is forwarded elsewhere, by Docker or a similar rule (${familiesIn(found)})`,
    effect: 'such packets pass FORWARD and never INPUT: that port is not protected',
    fix: `chain = DOCKER-USER in [service.${service.name}] (another chain of FORWARD without Docker), and the container's own port in ports`,
  };
}

function partlyRedirectedFinding({ service, wanted }: ServicePort, found: readonly Found[]): Finding {
  return {
    level: 'warning',
    text: `some packets for ${describePort(service, wanted)} are forwarded elsewhere, by a rule for all ports (${familiesIn(found)})`,
    effect: 'such packets pass FORWARD and never INPUT: they are not protected',
    fix: `iptables-save -t nat shows the rule; if it concerns ${service.name}, set chain = FORWARD in [service.${service.name}]`,
  };
}

/** An nft table that drops by default also drops what iptables accepts. */
export function nftDrops(facts: Facts): Finding[] {
  return eachPort(facts).flatMap(({ service, wanted }) =>
    facts.nftTables.flatMap((table): Finding[] => {
      const hook = isForOthers(service) ? 'forward' : 'input';
      const shared = familiesOf(facts).filter((family) => familiesOfTable(table).includes(family));
      if (shared.length === 0 || !refusesRest(table, hook)) return [];
      const port = describePort(service, wanted);
      const text = `nft table ${table.family} ${table.name} drops at hook ${hook} what it does not accept`;
      if (mayAccept(table, wanted)) {
        return [
          {
            level: 'note',
            text: `${text}; it has a rule that may accept ${port}`,
            effect: 'a packet must be accepted there and by knockctl: a drop in either is final',
          },
        ];
      }
      return [
        {
          level: 'danger',
          text: `${text}, and has no rule that accepts ${port} (${familyNames(shared)})`,
          effect:
            'a knock has no effect, and trusted addresses are blocked too: a drop in any table is final',
          fix: acceptIn(table, service, wanted.port),
        },
      ];
    }),
  );
}

function acceptIn({ family, name }: NftTable, { protocol }: ServiceSettings, port: number): string {
  if (name === 'firewalld')
    return `firewall-cmd --permanent --add-port=${port}/${protocol}; firewall-cmd --reload. knockctl still decides which addresses get in`;
  return `a rule "${protocol} dport ${port} accept" in that table (nft list table ${family} ${name}), and in the file that loads it. knockctl still decides which addresses get in`;
}

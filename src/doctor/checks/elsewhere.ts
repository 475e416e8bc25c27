/** What decides about a port besides the filter table of iptables: rules of nat, and tables of nft. */
import { FAMILIES, type Family } from '../../base/address.js';
import type { ServiceSettings } from '../../config/settings.js';
import { isForOthers } from '../../firewall/model/service.js';
import { BACKENDS } from '../../firewall/model/backend-name.js';
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';
import { familiesOfTable, mayAccept, refusesRest, type NftTable } from '../facts/nft-table.js';
import { eachPort, families, familiesOf, named, type ServicePort } from '../facts/ports.js';
import { sentOn, type SentOn } from '../facts/sent-on.js';

/** Published ports of containers, and others that are sent on, pass FORWARD and never INPUT. */
export function portsSentOn(facts: Facts): Finding[] {
  return eachPort(facts).flatMap(({ service, wanted }): Finding[] => {
    if (service.chain !== 'INPUT') return [];
    const found = FAMILIES.flatMap((family) =>
      BACKENDS.flatMap((name) =>
        sentOn(facts.rules.get(name)?.get(family), wanted)
          .filter(({ to }) => to === undefined || !service.ports.includes(Number(to)))
          .map((one) => ({ ...one, family })),
      ),
    );
    const whole = found.filter(({ isNamed, share }) => isNamed || share === 'all');
    const some = found.filter((one) => !whole.includes(one));
    return [
      ...(whole.length === 0 ? [] : [toldOf({ service, wanted }, whole)]),
      // Rules for other addresses of this host, mostly: then they are none of ours.
      ...(some.length === 0 || whole.length > 0 ? [] : [toldOfSome({ service, wanted }, some)]),
    ];
  });
}

type Found = SentOn & { readonly family: Family };

function familiesIn(found: readonly Found[]): string {
  return families(FAMILIES.filter((family) => found.some((one) => one.family === family)));
}

function toldOf({ service, wanted }: ServicePort, found: readonly Found[]): Finding {
  const to = found.find((one) => one.to !== undefined)?.to;
  if (to !== undefined && found.every((one) => one.to !== undefined)) {
    return {
      level: 'danger',
      text: `${named(service, wanted)} is sent on to port ${to} of this host by REDIRECT (${familiesIn(found)})`,
      effect: 'such packets meet INPUT with that port: the one in front of it is not protected',
      fix: `${to} in ports of [service.${service.name}]`,
    };
  }
  return {
    level: 'danger',
    text: `${named(service, wanted)} is sent on elsewhere, by Docker or a rule like it (${familiesIn(found)})`,
    effect: `such packets pass FORWARD and never INPUT: that port is not protected`,
    fix: `chain = DOCKER-USER in [service.${service.name}] (another chain of FORWARD without Docker), and the container's own port in ports`,
  };
}

function toldOfSome({ service, wanted }: ServicePort, found: readonly Found[]): Finding {
  return {
    level: 'warning',
    text: `some packets for ${named(service, wanted)} are sent on elsewhere, by a rule for all ports (${familiesIn(found)})`,
    effect: 'those pass FORWARD and never INPUT: they are not protected',
    fix: `iptables-save -t nat shows it; where ${service.name} is meant, chain = FORWARD in [service.${service.name}]`,
  };
}

/** A table of nft drops what it does not accept, and what iptables accepts does not matter there. */
export function nftDrops(facts: Facts): Finding[] {
  return eachPort(facts).flatMap(({ service, wanted }) =>
    facts.nftTables.flatMap((table): Finding[] => {
      const hook = isForOthers(service) ? 'forward' : 'input';
      const shared = familiesOf(facts).filter((family) => familiesOfTable(table).includes(family));
      if (shared.length === 0 || !refusesRest(table, hook)) return [];
      const port = named(service, wanted);
      const text = `the table ${table.family} ${table.name} of nft refuses at hook ${hook} what it does not accept`;
      if (mayAccept(table, wanted)) {
        return [
          {
            level: 'note',
            text: `${text}; it has a rule that may accept ${port}`,
            effect: 'a packet has to be accepted there and by knockctl: a drop in either wins',
          },
        ];
      }
      return [
        {
          level: 'danger',
          text: `${text}, and has no rule that accepts ${port} (${families(shared)})`,
          effect:
            'a knock opens nothing there, and trusted addresses get in as little: a drop in any table wins',
          fix: acceptIn(table, service, wanted.port),
        },
      ];
    }),
  );
}

function acceptIn({ family, name }: NftTable, { protocol }: ServiceSettings, port: number): string {
  if (name === 'firewalld')
    return `firewall-cmd --permanent --add-port=${port}/${protocol}; firewall-cmd --reload. Who gets in is still for knockctl to say`;
  return `a rule "${protocol} dport ${port} accept" in that table (nft list table ${family} ${name}), and where it is loaded from. Who gets in is still for knockctl to say`;
}

/** Rules in force that decide about a service before knockctl's. */
import { FAMILIES } from '../../base/address.js';
import { BACKENDS } from '../../firewall/model/backend-name.js';
import type { AllTables } from '../../firewall/exposure/elsewhere.js';
import { exposuresOf } from '../../firewall/exposure/survey.js';
import type { Exposure } from '../../firewall/exposure/assess.js';
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';

const LEVELS: Readonly<Record<Exposure['kind'], Finding['level']>> = {
  open: 'danger',
  refused: 'danger',
  unknown: 'warning',
  knock: 'warning',
  exception: 'note',
  note: 'note',
};

const MEANS: Readonly<Record<Exposure['kind'], string>> = {
  open: 'NOT PROTECTED: such packets never reach knockctl’s rules',
  refused: 'a knock has no effect there, and trusted addresses are blocked too',
  unknown: 'it is unknown whether the port is closed',
  knock: 'while knockctl is not running, such a knock has no effect',
  exception:
    'they need no knock, and bans have no effect on them; trust them instead (knockctl trust), and bans apply',
  note: 'with gate = strict a packet has to pass both the gate and the table filter',
};

/** Redirections by nat and omitted families are covered by other checks. */
export function rulesInFront(facts: Facts): Finding[] {
  const { config, rules, backend, recognised, native } = facts;
  if (!config.ok || backend === undefined) return [];
  const { services, firewall } = config.value.settings;
  const tables = BACKENDS.flatMap((name) =>
    FAMILIES.flatMap((family): AllTables[] => {
      const ruleset = rules.get(name)?.get(family);
      return ruleset === undefined ? [] : [{ backend: name, family, ruleset }];
    }),
  );
  const { families, hook } = firewall;
  const doors = (family: 4 | 6): ReturnType<Parameters<typeof exposuresOf>[2]['doors']> =>
    config.value.doors
      .map(({ door }) => door)
      .filter((_, index) => recognised[index]?.kernel.includes(family) === true);
  const found = { tables, problems: [], served: [], ...(native === undefined ? {} : { native }) };
  return exposuresOf(found, backend, { services, families, hook, doors })
    .filter(({ table, kind }) => table !== 'nat' && (kind !== 'note' || table === 'mangle'))
    .filter((one) => !isReportedByTable(one))
    .map(({ kind, text, fix }) => ({
      level: LEVELS[kind],
      text,
      effect: MEANS[kind],
      ...(fix === null ? {} : { fix }),
    }));
}

/** nft tables that drop by default are covered by another check (nftDrops). */
function isReportedByTable({ table, kind, rule }: Exposure): boolean {
  return table.includes(' ') && kind === 'refused' && rule?.includes('dport') !== true;
}

/** Rules that decide about a service before ours do, by the rules in force. */
import { FAMILIES } from '../../base/address.js';
import { BACKENDS } from '../../firewall/model/backend-name.js';
import type { AllTables } from '../../firewall/exposure/elsewhere.js';
import { surveyed } from '../../firewall/exposure/survey.js';
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
  open: 'NOT PROTECTED: our rules are never asked about it',
  refused: 'a knock opens nothing there, and nobody is trusted',
  unknown: 'whether the port is shut cannot be said',
  knock: 'with nothing of ours running such a knock opens nothing',
  exception:
    'they need no knock, and a ban does not keep them out; trusting them instead does the same, and can be banned',
  note: 'with gate = strict a packet has to pass both the gate and the table filter',
};

/** What is sent on by nat, and a family that is left out, other checks tell. */
export function inFront(facts: Facts): Finding[] {
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
  const doors = (family: 4 | 6): ReturnType<Parameters<typeof surveyed>[2]['doors']> =>
    config.value.doors
      .map(({ door }) => door)
      .filter((_, index) => recognised[index]?.kernel.includes(family) === true);
  const found = { tables, problems: [], served: [], ...(native === undefined ? {} : { native }) };
  return surveyed(found, backend, { services, families, hook, doors })
    .filter(({ table, kind }) => table !== 'nat' && (kind !== 'note' || table === 'mangle'))
    .filter((one) => !isToldByTable(one))
    .map(({ kind, text, fix }) => ({
      level: LEVELS[kind],
      text,
      effect: MEANS[kind],
      ...(fix === null ? {} : { fix }),
    }));
}

/** What a table of nft does not accept another check tells (nftDrops). */
function isToldByTable({ table, kind, rule }: Exposure): boolean {
  return table.includes(' ') && kind === 'refused' && rule?.includes('dport') !== true;
}

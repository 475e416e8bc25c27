import { networkInterfaces } from 'node:os';

import { FAMILIES, type Family } from '../../base/address.js';
import { errorText } from '../../base/errors.js';
import { parse } from '../../iptables-parser/parse.js';
import { tables as tablesOf } from '../../iptables-parser/query.js';
import { BACKENDS, type BackendName } from '../model/backend-name.js';
import { hasLegacyTables } from '../rules/backend.js';
import { listeningPorts } from '../../system/listening.js';
import { protocol } from '../rules/nft-listing.js';
import { unsavedTable } from '../rules/saved.js';
import type { Tables } from '../rules/tables.js';
import type { AllTables } from './elsewhere.js';
import type { Served } from './left-out.js';
import { readNative, type Native } from './native.js';

/** What could not be read, in words; of which family, unless it is about both. */
export interface Problem {
  readonly family?: Family;
  readonly text: string;
}

/** All tables of both back ends, and what of them could not be read. */
export interface Found {
  readonly tables: readonly AllTables[];
  readonly problems: readonly Problem[];
  /** What nft has beside the tables of iptables. */
  readonly native?: Native;
  /** Ports of this host that others reach by an address of a family. */
  readonly served: readonly Served[];
}

/** Reads the tables of both back ends in both families: a process each, legacy only where it has tables. */
export async function readAllTables(own: Tables): Promise<Found> {
  const tables: AllTables[] = [];
  const problems: Problem[] = [];
  /** What iptables-nft does not tell is judged by what nft does. */
  const partly: Problem[] = [];
  const told = new Set<string>();
  for (const backend of BACKENDS) {
    for (const family of FAMILIES) {
      if (backend === 'legacy' && !hasLegacyTables(family)) continue;
      let other: Tables;
      try {
        other = own.in(backend);
      } catch {
        continue; // not installed
      }
      try {
        const text = await other.saveAll(family);
        const why = unsavedTable(text);
        if (why !== undefined) (backend === 'nft' ? partly : problems).push(problem(backend, family, why));
        const ruleset = parse(text);
        tables.push({ backend, family, ruleset });
        if (backend === 'nft')
          for (const { name } of tablesOf(ruleset)) told.add(`${protocol(family)} ${name}`);
      } catch (error) {
        const why = errorText(error);
        if (!isMissing(why)) problems.push(problem(backend, family, why.split('\n')[0] ?? ''));
      }
    }
  }
  const isTold = (table: string): boolean =>
    told.has(table) || (own.backend.name === 'nft' && FILTERS.has(table));
  const beside = await readNftBeside(own, isTold, problems);
  if (beside.native === undefined) problems.push(...partly);
  return { tables, problems, served: servedPorts(), ...beside };
}

/** Where our own rules are: what cannot be read there is told by itself. */
const FILTERS = new Set(['ip filter', 'ip6 filter']);

function problem(backend: BackendName, family: Family, why: string): Problem {
  return { family, text: `IPv${family}: tables besides filter could not all be read (${backend}): ${why}` };
}

/** A kernel without nf_tables has none of its rules. */
function isMissing(why: string): boolean {
  return /not supported/i.test(why);
}

/** Without the program nothing is said: doctor tells that it is missing. */
async function readNftBeside(
  own: Tables,
  isTold: (table: string) => boolean,
  problems: Problem[],
): Promise<Pick<Found, 'native'>> {
  try {
    const json = await own.listNft('json');
    if (json === undefined) return {};
    const native = readNative(json, '', isTold);
    // The words of rules are wanted only where there are any: as a rule there are not.
    if (native.ruleset.chains.length === 0) return { native };
    return { native: readNative(json, (await own.listNft('text')) ?? '', isTold) };
  } catch (error) {
    const why = errorText(error);
    if (!isMissing(why))
      problems.push({ text: `the tables of nft could not be read: ${why.split('\n')[0] ?? ''}` });
    return {};
  }
}

/** What somebody listens at, in families that this host has addresses of beyond its own links. */
function servedPorts(): Served[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, address }) => !internal && !/^(?:fe80|169\.254\.)/i.test(address));
  return listeningPorts()
    .filter(({ isLoopback }) => !isLoopback)
    .flatMap(({ protocol, port, family }) => {
      const address = addresses.find((one) => one.family === `IPv${family}`)?.address;
      return address === undefined ? [] : [{ protocol, port, family, address }];
    });
}

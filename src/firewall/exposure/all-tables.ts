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

/** All tables of both back ends, and what could not be read. */
export interface Found {
  readonly tables: readonly AllTables[];
  readonly problems: readonly Problem[];
  /** nft's tables besides those of iptables. */
  readonly native?: Native;
  /** Listening ports of this host, with an address that other hosts reach. */
  readonly served: readonly Served[];
}

/** Reads the tables of both back ends in both families: a process each, legacy only if it has tables. */
export async function readAllTables(own: Tables): Promise<Found> {
  const tables: AllTables[] = [];
  const problems: Problem[] = [];
  /** Gaps of iptables-nft-save; reported only if nft cannot fill them. */
  const partly: Problem[] = [];
  const known = new Set<string>();
  for (const backend of BACKENDS) {
    for (const family of FAMILIES) {
      if (backend === 'legacy' && !hasLegacyTables(family)) continue;
      let other: Tables;
      try {
        other = own.withBackend(backend);
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
          for (const { name } of tablesOf(ruleset)) known.add(`${protocol(family)} ${name}`);
      } catch (error) {
        const why = errorText(error);
        if (!isMissing(why)) problems.push(problem(backend, family, why.split('\n')[0] ?? ''));
      }
    }
  }
  const isKnown = (table: string): boolean =>
    known.has(table) || (own.backend.name === 'nft' && FILTERS.has(table));
  const beside = await readNftBeside(own, isKnown, problems);
  if (beside.native === undefined) problems.push(...partly);
  return { tables, problems, served: servedPorts(), ...beside };
}

/** The tables of knockctl's own rules: read failures there are reported elsewhere. */
const FILTERS = new Set(['ip filter', 'ip6 filter']);

function problem(backend: BackendName, family: Family, why: string): Problem {
  return { family, text: `IPv${family}: tables besides filter could not all be read (${backend}): ${why}` };
}

/** True if the kernel lacks nf_tables: it then has no such rules. */
function isMissing(why: string): boolean {
  return /not supported/i.test(why);
}

/** Reads nft's own tables. Without nft the result is empty: doctor reports the missing program. */
async function readNftBeside(
  own: Tables,
  isKnown: (table: string) => boolean,
  problems: Problem[],
): Promise<Pick<Found, 'native'>> {
  try {
    const json = await own.listNft('json');
    if (json === undefined) return {};
    const native = readNative(json, '', isKnown);
    // Rule texts are needed only if there are such rules, which is rare.
    if (native.ruleset.chains.length === 0) return { native };
    return { native: readNative(json, (await own.listNft('text')) ?? '', isKnown) };
  } catch (error) {
    const why = errorText(error);
    if (!isMissing(why)) problems.push({ text: `nft tables could not be read: ${why.split('\n')[0] ?? ''}` });
    return {};
  }
}

/** Returns the listening ports, in families in which this host has addresses beyond its own links. */
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

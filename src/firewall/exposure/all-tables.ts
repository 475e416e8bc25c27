import { networkInterfaces } from 'node:os';

import { FAMILIES } from '../../base/address.js';
import { errorText } from '../../base/errors.js';
import { parse } from '../../iptables-parser/parse.js';
import { BACKENDS } from '../backend-name.js';
import { hasLegacyTables } from '../backend.js';
import { listeningPorts } from '../../system/listening.js';
import type { Tables } from '../tables.js';
import type { AllTables } from './elsewhere.js';
import type { Served } from './left-out.js';

/** All tables of both back ends, and what of them could not be read. */
export interface Found {
  readonly tables: readonly AllTables[];
  readonly problems: readonly string[];
  /** Ports of this host that others reach by an address of a family. */
  readonly served: readonly Served[];
}

/** Reads the tables of both back ends in both families: a process each, legacy only where it has tables. */
export async function readAllTables(own: Tables): Promise<Found> {
  const tables: AllTables[] = [];
  const problems: string[] = [];
  for (const backend of BACKENDS) {
    for (const family of FAMILIES) {
      if (backend === 'legacy' && !hasLegacyTables(family)) continue;
      try {
        const text = await own.in(backend).saveAll(family);
        tables.push({ backend, family, ruleset: parse(text) });
      } catch (error) {
        // A back end that is not ours, and perhaps not installed, has nothing that could be read.
        if (backend === own.backend.name)
          problems.push(
            `IPv${family}: tables besides filter could not be read: ${errorText(error).split('\n')[0] ?? ''}`,
          );
      }
    }
  }
  return { tables, problems, served: servedPorts() };
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

/**
 * Every kind of thing that nft can put into each of iptables' tables, in both families, before the start and while our rules are in
 * force: one jump, nothing repaired that was right, and nothing of ours left.
 *
 * Version 2a294dc took a save that cannot tell for an empty table: two jumps at the first `ct state`, and `remove` left both.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FAMILIES } from '../../../src/base/address.js';
import { KINDS, TABLE_NAMES, TABLES } from './foreign-kinds.js';
import { ForeignSpace } from './foreign-rules.js';

describe('every kind of thing of nft in tables of iptables', () => {
  const taken = new Set<string>();
  for (const table of TABLE_NAMES) {
    for (const family of FAMILIES) {
      it(`${table}, IPv${family}`, async () => {
        await using space = new ForeignSpace();
        for (const [index, kind] of KINDS.entries()) {
          const all = TABLES[table];
          const isRule = kind.lines.join('').includes('@C');
          // Of the tables that ours are not in, one chain for each kind.
          const chains = !isRule ? [all[0]] : table === 'filter' ? all : [all[index % all.length] ?? all[0]];
          for (const chain of chains) {
            try {
              await space.check({ family, table, kind }, chain);
            } catch (cause) {
              throw new Error(`${kind.name} in ${table} ${chain}, IPv${family}: ${String(cause)}`, { cause });
            }
          }
        }
        for (const name of space.taken) taken.add(name);
      });
    }
  }

  it('is more than 60 kinds that this kernel takes', () => {
    assert.ok(taken.size >= 60, `${taken.size} of ${KINDS.length}`);
  });
});

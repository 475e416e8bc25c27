import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import {
  readInventory,
  removeInventory,
  writeInventory,
  type Inventory,
} from '../../../src/firewall/ownership/inventory.js';
import { TempFolder } from '../../helpers/temp.js';

const FOOTPRINT: Inventory = {
  services: ['ssh', 'web_2'],
  places: [
    { backend: 'nft', family: 4 },
    { backend: 'legacy', family: 6 },
  ],
  madeTables: [6],
  supervised: true,
};

describe('the footprint', () => {
  it('reads back as it was written, and goes', () => {
    using folder = new TempFolder();
    assert.equal(readInventory(folder.file('kernel.json')), undefined);
    writeInventory(folder.file('kernel.json'), FOOTPRINT);
    assert.deepEqual(readInventory(folder.file('kernel.json')), FOOTPRINT);
    assert.equal(statSync(folder.file('kernel.json')).mode & 0o777, 0o600);
    removeInventory(folder.file('kernel.json'));
    removeInventory(folder.file('kernel.json'));
    assert.equal(existsSync(folder.file('kernel.json')), false);
  });

  it('is not believed where it is damaged', () => {
    using folder = new TempFolder();
    const wrong = [
      '',
      '{',
      'null',
      '[]',
      '{}',
      JSON.stringify({ ...FOOTPRINT, supervised: 1 }),
      JSON.stringify({ ...FOOTPRINT, services: 'ssh' }),
      JSON.stringify({ ...FOOTPRINT, services: ['a b'] }),
      JSON.stringify({ ...FOOTPRINT, services: ['-j'] }),
      JSON.stringify({ ...FOOTPRINT, services: ['ssh\n-F INPUT'] }),
      JSON.stringify({ ...FOOTPRINT, services: ['a'.repeat(17)] }),
      JSON.stringify({ ...FOOTPRINT, madeTables: [5] }),
      JSON.stringify({ ...FOOTPRINT, places: ['nft'] }),
      JSON.stringify({ ...FOOTPRINT, places: [{ backend: 'x', family: 4 }] }),
      JSON.stringify({ ...FOOTPRINT, places: [{ backend: 'nft', family: '4' }] }),
      JSON.stringify(FOOTPRINT).slice(0, -5),
    ];
    for (const text of wrong) {
      writeFileSync(folder.file('kernel.json'), text);
      assert.equal(readInventory(folder.file('kernel.json')), undefined, text);
    }
  });

  it('never throws, and gives only names that are safe in a rule', () => {
    using folder = new TempFolder();
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.jsonValue().map((value) => JSON.stringify(value)),
          fc.array(fc.string()).map((services) => JSON.stringify({ ...FOOTPRINT, services })),
        ),
        (text) => {
          writeFileSync(folder.file('kernel.json'), text);
          for (const name of readInventory(folder.file('kernel.json'))?.services ?? [])
            assert.match(name, /^[A-Za-z0-9_-]+$/);
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** As readable-packets.test.ts, with 48,000 packets. */
import { test } from 'node:test';

import { checkHidden, NEIGHBOURS, SEED, WHERE } from './hidden-packets.js';
import { BACKENDS } from './setting.js';

const COUNT = 2000;
for (const backend of BACKENDS) {
  for (const chain of WHERE) {
    for (const neighbours of NEIGHBOURS) {
      test(`many hidden packets: ${backend}, ${chain}, neighbours: ${neighbours}`, async () => {
        await checkHidden({ backend, chain, neighbours }, COUNT, SEED);
      });
    }
  }
}

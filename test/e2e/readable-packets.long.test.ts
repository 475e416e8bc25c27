/** As readable-packets.test.ts, with 48,000 packets. */
import { test } from 'node:test';

import { checkHidden, NEIGHBOURS, WHERE } from './hidden-packets.js';
import { BACKENDS } from './setting.js';

const COUNT = 200;
const ROUNDS = 10;
for (const backend of BACKENDS) {
  for (const chain of WHERE) {
    for (const neighbours of NEIGHBOURS) {
      test(`many hidden packets: ${backend}, ${chain}, neighbours: ${neighbours}`, async () => {
        await checkHidden({ backend, chain, neighbours }, COUNT, ROUNDS);
      });
    }
  }
}

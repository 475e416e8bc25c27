/** Who gets in is what is said: random rules in front of and behind our jump, real packets from several sources. */
import { test } from 'node:test';

import { FAMILIES } from '../../../src/base/address.js';
import { compare, judge } from './who-gets-in.js';

const CASES = 30;
const SEED = Number(process.env['EXPOSURE_SEED'] ?? 30000);

for (const backend of ['nft', 'legacy'] as const) {
  for (const family of FAMILIES) {
    test(`who gets in, by ${CASES} random rulesets (${backend}, IPv${family})`, async () => {
      judge(await compare(backend, family, CASES, SEED), CASES);
    });
  }
}

/** The longest that there may be, in real kernels. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FAMILIES } from '../../../src/base/address.js';
import { compileDoors } from '../../../src/firewall/doors/compile.js';
import { doorsInstance } from '../../../src/firewall/model/door-names.js';
import type { Placement } from '../../../src/firewall/doors/eligibility.js';
import { MAX_STEPS } from '../../../src/knock/door.js';
import { KernelSpace } from '../../helpers/kernel-space.js';
import { door } from '../../knock/support.js';
import { loadText } from './configurations.js';

const SERVICE = 'a-long-service_1';

/** Two doors of one name, of as many steps as may be, with more ports than one rule takes. */
const PLACEMENTS = [100, 116].map((first): Placement => {
  const ports = Array.from({ length: MAX_STEPS }, (_, index) => first + index);
  return {
    door: door(ports.join(','), { name: 'a door with a long name', windowMs: 2_147_483_000 }),
    action: { verb: 'accept', service: SERVICE, timeoutS: 2_147_483, lifts: false },
  };
});

describe('the largest doors', () => {
  for (const backend of ['nft', 'legacy'] as const) {
    for (const family of FAMILIES) {
      it(`IPv${family}, ${backend}`, async () => {
        await using space = new KernelSpace();
        const compiled = compileDoors(PLACEMENTS, {
          family,
          instance: doorsInstance(SERVICE),
          interfaces: Array.from({ length: 32 }, (_, index) => `interface-12.${index}`.slice(0, 15)),
          duplicates: 'tolerate',
          sources: 1024,
        });
        const { sets, rules } = loadText(compiled);
        const inet = family === 4 ? 'inet' : 'inet6';
        await space.must(
          'ipset restore',
          ['filter', 'decoyed']
            .map((list) => `create ${SERVICE}_${list}${family} hash:net family ${inet} timeout 0\n`)
            .join('') + sets,
        );
        const tool = family === 4 ? 'iptables' : 'ip6tables';
        await space.must(`${tool}-${backend}-restore --noflush`, rules);
        const saved = await space.save(backend, family);
        for (const [chain, lines] of compiled.rules.chains) {
          const found = saved.split('\n').filter((line) => line.startsWith(`-A ${chain} `));
          assert.deepEqual(
            found,
            lines.map((line) => `-A ${chain} ${line}`),
          );
        }
        assert.equal(saved.split('\n').filter((line) => line.startsWith('-A INPUT ')).length, 32);
      });
    }
  }
});

/** No packet that the rules cannot read gets by: SYNs behind extension headers and options, in fragments, in tunnels. */
import { test } from 'node:test';

import { inTurns } from '../helpers/matrix.js';
import { checkHidden, NEIGHBOURS, WHERE } from './hidden-packets.js';
import { BACKENDS } from './setting.js';

/** In each family of each case; 12 of these: 1,200. All of them in readable-packets.long.test.ts. */
const COUNT = 100;
const ROUNDS = 1;
// Red without the line of @REASSEMBLE@ (nft), without @FRAGMENT@ (FORWARD: fragments within fragments; no tracking), and
// without @MISREAD@ (INPUT over IPv6, both back ends).
for (const chain of WHERE) {
  for (const neighbours of NEIGHBOURS) {
    for (const backend of inTurns(BACKENDS)) {
      test(`hidden packets: ${backend}, ${chain}, neighbours: ${neighbours}`, async () => {
        await checkHidden({ backend, chain, neighbours }, COUNT, ROUNDS);
      });
    }
  }
  for (const backend of inTurns(BACKENDS)) {
    // Red without the jump to _gate.hide (nft, FORWARD), and without that to _gate.head (INPUT, both back ends). Not without the rule of
    // _gate.join: that of filter has the kernel reassemble, as long as nobody empties it.
    test(`hidden packets: ${backend}, ${chain}, at a strict gate with an ACCEPT behind it`, async () => {
      await checkHidden({ backend, chain, neighbours: 'none', isStrict: true }, COUNT, ROUNDS);
    });
  }
}

/** From the rules of the version before to these: replaced in one step, with no moment open and nobody thrown out. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ADDRESS } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import { BACKENDS, FAMILIES, getsIn, jumps, PORT, probe, ssh, stage } from './setting.js';

const BEFORE = fileURLToPath(new URL('../../../test/fixtures/service-before-0011.rules', import.meta.url));

for (const verb of ['restart', 'reload', 'restartifdead'] as const) {
  for (const backend of inTurns(BACKENDS)) {
    test(`rules of the version before, ${verb} (${backend})`, async () => {
      await using here = await stage(backend, { conf: ssh(backend, 'on_failure = hold\n') });
      const { lab, product } = here;
      mkdirSync(product.paths.rules, { recursive: true });
      copyFileSync(BEFORE, `${product.paths.rules}/service.rules`);
      await product.start();
      const hasNew = async (family: 4 | 6): Promise<boolean> =>
        (await lab.save('server', family)).includes('! -i lo -p tcp');
      assert.equal(await hasNew(4), false, 'the rules of before');
      await product.must('accept', ADDRESS.client2[4]);
      const session = await lab.openSession('client2', ADDRESS.server2[4], PORT);
      rmSync(`${product.paths.rules}/service.rules`);
      const prober = await probe(lab, 'client', 5);
      if (verb === 'restartifdead') await product.kill('supervisor');
      await product.must(verb);
      for (const family of FAMILIES) {
        await lab.waitFor(async () => hasNew(family), 'the new rules');
        assert.equal(await jumps(lab, family), 1);
        assert.match(await lab.save('server', family), /-A ssh_reassemble -m socket -j RETURN/);
      }
      const { connected, refused } = await prober.end();
      assert.equal(connected, 0, 'no moment open');
      assert.ok(refused > 0);
      assert.equal(await session.echo('goes on'), true);
      assert.equal(await getsIn(lab, 'client2'), true, 'who was accepted still is');
      await product.stop();
      for (const family of FAMILIES) assert.doesNotMatch(await lab.save('server', family), /ssh_/);
    });
  }
}

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { BACKENDS, FAMILIES, jumps, PORT } from './setting.js';
import { assertOpen, OTHER, patient, traces, trialStage, untilOpen } from './trial-setting.js';

describe('commit-confirmed', { concurrency: 2 }, () => {
  for (const backend of BACKENDS) {
    test(`${backend}: fault 24: a reload on trial, terminal and supervisor gone, undoes itself`, async () => {
      await using scene = await trialStage(backend);
      const { lab, product } = scene;
      const sessions = [
        await lab.openSession('client', ADDRESS.server[4], PORT),
        await lab.openSession('client', ADDRESS.server[6], OTHER),
      ];
      const echo = async (what: string): Promise<void> => {
        for (const session of sessions) assert.ok(await session.echo(what), what);
      };
      await product.start();
      await assertOpen(lab, [OTHER], 'before');
      product.configure(patient(backend, '', OTHER));
      const begun = Date.now();
      const said = await product.must('reload', '--trial', '8');
      assert.match(said, /on trial until \d\d:\d\d:\d\d: knockctl confirm keeps it/);
      await assertOpen(lab, [PORT], 'on trial');
      await echo('on trial');
      await product.kill('supervisor');
      await assertOpen(lab, [PORT], 'on trial, and nobody there');
      const back = await untilOpen(lab, [OTHER], 12_000);
      const took = (back - begun) / 1000;
      console.log(`${backend}: back after ${took} s of 8`);
      assert.ok(took > 7.5 && took < 10.5, `${took} s`);
      await assertOpen(lab, [OTHER], 'after the deadline');
      await echo('after the deadline');
      const again = await product.ctl(['restartifdead']);
      assert.equal(again.exitCode, 0, again.stderr);
      assert.match(again.stderr, /was not confirmed: the one from before it is in force/);
      await product.waitForState('armed');
      await assertOpen(lab, [OTHER], 'under the next supervisor');
      assert.deepEqual(await traces(lab), []);
      for (const family of FAMILIES) assert.equal(await jumps(lab, family), 1);
      await echo('under the next supervisor');
      await product.stop();
    });
  }
});

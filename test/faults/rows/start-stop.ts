/** Rows 12 and 13, and others about verbs that come at the wrong time. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';

import { FAMILIES, files, jumps, kernel, untilRunning } from '../../e2e-faults/setting.js';
import type { Row } from '../row.js';

// With a lock that is taken though somebody holds it (run once, 2026-11-21): red.
const twice: Row = {
  number: 12,
  touchesRules: true,
  fault: '`start` twice at once',
  promise: 'one instance, one jump',
  families: 'one',
  unstarted: true,
  run: async (scene) => {
    const { lab, product } = scene;
    const rounds = scene.full ? 10 : 2;
    for (let round = 0; round < rounds; round += 1) {
      const both = await Promise.all([product.ctl(['start']), product.ctl(['start'])]);
      const said = both.map((done) => `${done.exitCode}: ${done.stdout}${done.stderr}`).join('\n');
      assert.ok(
        both.some((done) => done.exitCode === 0),
        said,
      );
      for (const done of both) assert.match(`${done.stdout}${done.stderr}`, /armed|running already/, said);
      await scene.isArmed();
      await product.stop();
      // A command that holds the lock for a while is no supervisor: the start waits for it.
      const [setup, start] = await Promise.all([product.ctl(['setup']), product.ctl(['start'])]);
      assert.match(start.stdout, /armed/, start.stderr);
      assert.ok([0, 75].includes(setup.exitCode), setup.stderr);
      await scene.isArmed();
      await product.stop();
      const [, stop] = await Promise.all([product.ctl(['setup']), product.ctl(['stop'])]);
      assert.deepEqual([stop.exitCode, stop.stderr.includes('killed')], [0, false], stop.stderr);
      await product.stop();
    }
    await untilRunning(lab, 'knockctl: ', 0);
    return { words: `${rounds} times` };
  },
};

// With a condrestart that starts what is down (run once, 2026-11-21): red.
const again: Row = {
  number: 13,
  touchesRules: true,
  fault: '`stop` twice, `condrestart` when down, `start` when up',
  promise: 'LSB codes, no change',
  families: 'one',
  unstarted: true,
  run: async (scene) => {
    const { lab, product } = scene;
    const code = async (verb: string): Promise<number> => (await product.ctl([verb])).exitCode;
    const codes = async (...verbs: readonly string[]): Promise<number[]> => {
      const all: number[] = [];
      for (const verb of verbs) all.push(await code(verb));
      return all;
    };
    assert.deepEqual(
      await codes('status', 'condrestart', 'restartifdead', 'reload', 'stop'),
      [3, 0, 0, 1, 0],
    );
    assert.equal(await kernel(lab), scene.untouched, 'when down, nothing is changed');
    await product.start();
    const supervisor = product.identity('supervisor');
    const held = await kernel(lab);
    assert.match(await product.must('start'), /running already/);
    assert.deepEqual(await codes('status', 'setup'), [0, 75]);
    assert.equal(await product.must('restartifdead'), '', 'silent where all is well');
    const second = await product.ctl(['run']);
    assert.equal(second.exitCode, 1);
    assert.match(second.stderr, /running already/);
    assert.deepEqual(product.identity('supervisor'), supervisor);
    assert.equal(await kernel(lab), held, 'when up, neither');
    for (const family of FAMILIES) assert.equal(await jumps(lab, family), 1);
    assert.deepEqual(await codes('stop', 'status', 'stop', 'stop', 'condrestart'), [0, 3, 0, 0, 0]);
    assert.equal(await kernel(lab), scene.untouched);
    assert.deepEqual(files(product.paths.run), ['lock']);
    return {};
  },
};

// With a pid believed without its start time (run once, 2026-11-21): red.
const reusedPid: Row = {
  number: 40,
  touchesRules: true,
  fault: 'supervisor killed, its pid is somebody else’s by now',
  promise: 'no verb signals that process',
  families: 'one',
  run: async (scene) => {
    const { lab, product } = scene;
    const bystander = lab.spawn('server', ['/bin/sleep', '600']);
    for (const verb of ['restartifdead', 'restart', 'stop']) {
      await product.kill('supervisor');
      // The time of its start is not that of ours, as it never is.
      for (const name of ['supervisor', 'listener'])
        writeFileSync(`${product.paths.run}/${name}`, `${bystander.pid} 1\n`);
      writeFileSync(`${product.paths.run}/knockctl.pid`, `${bystander.pid}\n`);
      await product.must(verb);
      assert.equal(bystander.exitCode, undefined, `${verb} has ended a bystander`);
    }
    assert.equal(await kernel(lab), scene.untouched);
    await product.start();
    return {};
  },
};

export const START_STOP_ROWS: readonly Row[] = [twice, again, reusedPid];

/** Row 20: rules and sets saved by the host's own tools, and restored where nothing of ours runs. */
import assert from 'node:assert/strict';

import { ADDRESS, type Lab } from '../../helpers/lab.js';
import { Product } from '../../helpers/product.js';
import { DOORS, FAMILIES, PORT } from '../../e2e-faults/setting.js';
import type { Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../../helpers/promise.js';

interface Saved {
  readonly sets: string;
  readonly rules: readonly string[];
}

async function save(scene: Scene): Promise<Saved> {
  const sets = await scene.must('/usr/sbin/ipset', 'save');
  const rules = await Promise.all(FAMILIES.map(async (family) => scene.lab.save('server', family)));
  return { sets, rules };
}

/** Exit codes of both families' restore, in the namespace of client2. */
async function restore({ lab, backend }: Scene, { rules }: Saved): Promise<readonly number[]> {
  const codes: number[] = [];
  for (const [index, input] of rules.entries()) {
    const argv = [`/usr/sbin/${index === 0 ? 'iptables' : 'ip6tables'}-${backend}-restore`];
    codes.push((await lab.exec('client2', argv, { input })).exitCode);
  }
  return codes;
}

async function fresh(lab: Lab, ...argv: readonly string[]): Promise<string> {
  const done = await lab.exec('client2', argv);
  assert.equal(done.exitCode, 0, `${argv.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

/** Whether a new connection to the fresh host gets in. */
async function reaches({ lab, family }: Scene): Promise<boolean> {
  return lab.canConnect('server', ADDRESS.client2[family], PORT, 400);
}

// Without the rule for the switch in the template (run once, 2026-11-21): red.
const restored: Row = {
  number: 20,
  touchesRules: true,
  fault: 'rules saved (with the sets, and without) and restored in a fresh namespace',
  promise: 'with sets: succeeds and is tripped; without: open, setup fixes it',
  run: async (scene) => {
    const { lab } = scene;
    await lab.tcpEcho('client2', PORT);
    await scene.product.must('accept', '192.0.2.1', '--timeout', '500');
    await scene.product.must('drop', '2001:db8::1');
    const saved = await save(scene);

    // Without the sets: the kernel's tools refuse such rules as a whole, and no rule is there.
    const bare = await restore(scene, saved);
    assert.ok(
      bare.every((code) => code !== 0),
      'a ruleset that names missing sets was loaded',
    );
    assert.ok(await reaches(scene), 'refused, and yet shut');
    const product = new Product(lab, { doors: DOORS, conf: scene.conf, folder: 'fresh', place: 'client2' });
    await product.must('setup');
    assert.deepEqual(await restore(scene, saved), [0, 0], 'after setup has made the sets');
    assert.ok(await reaches(scene), 'tripped');
    await product.stop();
    assert.equal(await fresh(lab, '/usr/sbin/ipset', 'save'), '');

    const sets = await lab.exec('client2', ['/usr/sbin/ipset', 'restore'], { input: saved.sets });
    assert.equal(sets.exitCode, 0, sets.stderr);
    const beganMs = nowMs();
    assert.deepEqual(await restore(scene, saved), [0, 0]);
    // The switch was saved as fed: what is left of it runs out here.
    await lab.waitFor(async () => reaches(scene), 'the restored rules to trip');
    const ms = nowMs() - beganMs;
    const listed = await fresh(lab, '/usr/sbin/ipset', 'save');
    assert.match(listed, /^add ssh_granted4 192\.0\.2\.1 timeout 4\d\d /m);
    assert.match(listed, /^add ssh_banned6 2001:db8::1 timeout 0 /m);
    await product.stop();
    assert.equal(await fresh(lab, '/usr/sbin/ipset', 'save'), '');
    return { ms, limitMs: 3_000 };
  },
};

export const SAVED_ROWS: readonly Row[] = [restored];

/** From the version that had no sets for bans by doors and for grants by hand. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';

import { isAlive } from '../../src/system/process.js';
import { shippedTemplate } from '../helpers/template.js';
import { DECOY, inTurn, OPEN } from './setting.js';

/** The rules of the version before, as an administrator may have copied them too. */
function beforeUs(): string {
  const lines = shippedTemplate()
    .text.split('\n')
    .filter((line) => !/decoyed|granted/.test(line));
  const alive = lines.findIndex((line) => line.includes('_alive'));
  const filter = lines.findIndex((line) => line.endsWith('_policy -j @SERVICE@_filter'));
  const [rule = ''] = lines.splice(alive, 1);
  lines.splice(filter, 0, rule);
  return lines.join('\n');
}

/** Takes the doors' rules out of the kernel, and the sets that the version before did not have. */
function flushDoors(backend: string): string[] {
  const lists = ['decoyed4', 'decoyed6', 'granted4', 'granted6'].map((list) => `ipset destroy ssh_${list}`);
  const doors = ['iptables', 'ip6tables'].map(
    (tool) =>
      `${tool}-${backend}-save -t filter | grep -v 'knock[.]' | ${tool}-${backend}-restore ${backend === 'legacy' ? '-w 20' : ''}`,
  );
  return [
    '/bin/bash',
    '-c',
    `set -e; export PATH=/usr/sbin:/sbin:/usr/bin:/bin; ${[...doors, ...lists].join('; ')}`,
  ];
}

inTurn(
  'an upgrade from the version before makes the new sets and rules, and is shut throughout',
  { service: 'on_failure = hold\naccept_timeout = 600' },
  async ({ lab, product, client, client2, gets, knock, family }) => {
    mkdirSync(product.paths.rules, { recursive: true });
    writeFileSync(`${product.paths.rules}/service.rules`, beforeUs());
    const { stderr } = await product.ctl(['check']);
    assert.match(stderr, /no rule names @SERVICE@_decoyed@V@: bans by doors have no effect/);
    await product.start();
    await product.must('accept', client, '--timeout', '3000');
    assert.equal(await gets('client'), true, 'the old rules know nothing of the set of grants');
    const [supervisor, listener] = [product.identity('supervisor'), product.identity('listener')];
    assert.ok(supervisor !== undefined && listener !== undefined);
    for (const { pid } of [supervisor, listener]) process.kill(pid, 'SIGKILL');
    await lab.waitFor(() => !isAlive(supervisor) && !isAlive(listener), 'the end of the version before');
    const save = await lab.save('server', family);
    assert.doesNotMatch(save, /^-A ssh_.*(?:decoyed|granted)/m);
    const done = await lab.exec('server', flushDoors(lab.backend));
    assert.equal(done.exitCode, 0, done.stderr);
    rmSync(`${product.paths.rules}/service.rules`);
    let open = 0;
    let tried = 0;
    const probe = { isDone: false };
    const probing = (async (): Promise<void> => {
      while (!probe.isDone) {
        tried += 1;
        if (await gets('client2')) open += 1;
      }
    })();
    await product.start();
    probe.isDone = true;
    await probing;
    assert.ok(tried > 1);
    assert.equal(open, 0, `open ${open} times of ${tried}`);
    assert.match(await lab.save('server', family), /-A ssh_decoyed .*ssh_decoyed[46] src -j DROP/);
    assert.equal(await gets('client'), true, 'who was in is in');
    await knock('client2', DECOY);
    await product.waitForLog(new RegExp(`^${client2} banned for 3600 s`));
    await knock('client2', OPEN);
    assert.equal(await gets('client2'), false);
  },
);

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';

import { entryLines, renderEntries } from '../../src/runtime/entries/entry-codec.js';
import { systemBootClock } from '../../src/system/boot-timestamp.js';
import { ADDRESS } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import type { Product } from '../helpers/product.js';
import { assertLeft, look, reboot, type Look } from './entries.js';
import { each, FAMILIES, files, getsIn, kernel, ssh, stage, type Stage } from './setting.js';

/** A change is written within this. */
const WRITTEN_MS = 1_000;
const SERVICES = '[service.web]\nports = 80\n';

async function filled(options: Parameters<typeof stage>[1] & { backend: 'nft' | 'legacy' }): Promise<Stage> {
  const { backend, ...more } = options;
  const scene = await stage(backend, { conf: `${ssh(backend)}${SERVICES}`, ...more });
  const { product } = scene;
  await product.start();
  await product.must('accept', ADDRESS.client[4], ADDRESS.client[6], '--timeout', '600');
  await product.must('accept', '192.0.2.1', '--timeout', '4');
  await product.must('accept', '192.0.2.2', '--service', 'web', '--timeout', '900');
  await product.must('drop', '198.51.100.0/24', '2001:db8::/48');
  await product.must('drop', '198.51.101.7', '--timeout', '500');
  return scene;
}

/** All that was put in, but for the entry of 4 s. */
async function lasting(product: Product): Promise<Look> {
  const all = await look(product, ['filter', 'banned']);
  return { ...all, entries: all.entries.filter(({ address }) => address !== '192.0.2.1') };
}

/** Who is banned at ssh; a ban is one at each service. */
async function banned(product: Product): Promise<string[]> {
  const entries = await product.list('banned');
  return entries
    .filter(({ service }) => service === 'ssh')
    .map(({ address }) => address)
    .sort();
}

const ipset = async ({ lab }: Stage, ...args: string[]): Promise<void> => {
  const done = await lab.exec('server', ['/usr/sbin/ipset', ...args]);
  assert.equal(done.exitCode, 0, done.stderr);
};

describe('entries outlive', { concurrency: 2 }, () => {
  // Red without EntryKeeper.recall (no entry is there after the start), and where elapsedMs is 0 (too long).
  each('stop and start, with what is left (fault 22)', async (backend) => {
    await using scene = await filled({ backend });
    const { lab, product } = scene;
    const before = await lasting(product);
    await product.stop();
    assert.doesNotMatch(await kernel(lab), /ssh_|web_/, 'nothing is left in the kernel');
    assert.equal(await getsIn(lab, 'client2'), true);
    await sleep(4_500);
    await product.start();
    assertLeft(await lasting(product), before);
    assert.ok(!(await product.addresses('filter')).includes('192.0.2.1'), 'what ran out meanwhile stays out');
    for (const family of FAMILIES) assert.ok(await getsIn(lab, 'client', family), `IPv${family}`);
    assert.equal(await getsIn(lab, 'client2'), false);
  });

  each('a power cut, but for the last second', async (backend) => {
    await using scene = await filled({ backend });
    const { lab, product } = scene;
    const session = await lab.openSession('client', ADDRESS.server[4], 2222);
    await product.must('flush', '198.51.100.0/24');
    const before = await lasting(product);
    await sleep(WRITTEN_MS);
    await reboot(lab, product);
    await product.start();
    assertLeft(await lasting(product), before);
    for (const family of FAMILIES) assert.ok(await getsIn(lab, 'client', family), `IPv${family}`);
    assert.ok(await session.echo('after the boot'));
    await product.waitForLog(/entries of ssh_banned4 are put back/);
  });

  test('a boot with a clock that is behind, or far ahead: never longer, and for ever is for ever', async () => {
    await using scene = await filled({ backend: 'nft' });
    const { lab, product } = scene;
    const { entries: before } = await lasting(product);
    for (const [aheadMs, left] of [
      [86_400_000, true],
      [-86_400_000, false],
    ] as const) {
      await sleep(WRITTEN_MS);
      await reboot(lab, product);
      for (const name of files(`${product.paths.state}/entries`)) {
        const path = `${product.paths.state}/entries/${name}`;
        const lines = entryLines(readFileSync(path, 'utf8').replace(/^end .*\n/m, ''));
        const moment = { ...systemBootClock(), wallMs: Date.now() + aheadMs };
        writeFileSync(path, [...renderEntries(name, moment, lines)].join(''));
      }
      await product.start();
      const { entries: now } = await lasting(product);
      assert.equal(now.length, left ? before.length : 4, 'two services, two bans for ever');
      for (const { service, address, timeout } of now) {
        const had = before.find((one) => one.service === service && one.address === address)?.timeout ?? null;
        assert.equal(timeout === null, had === null);
        assert.ok((timeout ?? 0) <= (had ?? 0));
      }
    }
  });

  test('what was flushed does not come back: by the supervisor, without one, by a boot', async () => {
    await using scene = await filled({ backend: 'legacy' });
    const { lab, product } = scene;
    await product.must('flush', 'banned');
    await product.stop();
    await product.start();
    assert.deepEqual(await banned(product), []);
    await product.must('drop', '203.0.113.1', '203.0.113.2', '203.0.113.3');
    await sleep(WRITTEN_MS);
    await product.kill('supervisor');
    await product.must('flush', '203.0.113.1');
    await product.must('accept', '192.0.2.77', '--timeout', '800');
    await product.start();
    assert.deepEqual(await banned(product), ['203.0.113.2', '203.0.113.3']);
    await product.kill('supervisor');
    await product.must('flush', '203.0.113.2');
    // Nothing but what the direct verb wrote is there after this.
    await product.start();
    await reboot(lab, product);
    await product.start();
    assert.deepEqual(await banned(product), ['203.0.113.3']);
    assert.ok((await product.addresses('filter')).includes('192.0.2.77'));
  });

  test('setup brings them back as start does; a service that is gone has its entries dropped', async () => {
    await using scene = await filled({ backend: 'nft' });
    const { product } = scene;
    const before = await lasting(product);
    await product.stop();
    await product.must('setup');
    assert.deepEqual(
      (await lasting(product)).entries.map(({ address }) => address),
      before.entries.map(({ address }) => address),
    );
    await product.start();
    await product.stop();
    product.configure(ssh('nft'));
    await product.start();
    await product.waitForLog(/web_granted4 are dropped: the configuration has no such service/);
    // They are written anew about now, each under another name first.
    const kept = (): string[] => files(`${product.paths.state}/entries`);
    await scene.lab.waitFor(() => kept().every((name) => !name.endsWith('.tmp')), 'what is being written');
    assert.deepEqual(kept(), ['ssh_banned4', 'ssh_banned6', 'ssh_granted4', 'ssh_granted6']);
  });

  // Red with readFileSync in place of readStrict in EntryFiles; the checksum has tests of its own (entry-file.test.ts).
  for (const [what, damage] of inTurns([
    ['cut off', (text: string) => text.slice(0, -20)],
    ['empty', () => ''],
    ['changed', (text: string) => text.replace('198.51.100.0', '198.51.0.0')],
    ['of somebody else', undefined],
  ] as const)) {
    test(`a file that is ${what}: told, put aside, not used, and the start goes on`, async () => {
      await using scene = await filled({ backend: 'nft' });
      const { lab, product } = scene;
      await product.stop();
      const path = `${product.paths.state}/entries/ssh_banned4`;
      if (damage === undefined) await lab.exec('server', ['/bin/chown', 'nobody', path]);
      else writeFileSync(path, damage(readFileSync(path, 'utf8')));
      await product.start();
      await product.waitForLog(/ssh_banned4 is (?:damaged|not ours).*ssh_banned4\.damaged/);
      assert.deepEqual(await banned(product), ['2001:db8::/48'], 'the other files are used');
      assert.ok(files(`${product.paths.state}/entries`).includes('ssh_banned4.damaged'));
    });
  }
});

describe('ipset flush by somebody else (fault 19)', { concurrency: 2 }, () => {
  // Red without SetKeeper's putBack: the sets stay empty, and the file is emptied after them.
  each('entries are back within a heartbeat, no lock-out', async (backend) => {
    await using scene = await filled({ backend, trusted: `${ADDRESS.client2[6]} # second\n` });
    const { lab, product } = scene;
    await product.must('trust', ADDRESS.client2[4]);
    const session = await lab.openSession('client', ADDRESS.server[4], 2222);
    await sleep(WRITTEN_MS);
    const before = await lasting(product);
    await ipset(scene, 'flush');
    // One heartbeat of 1 s, and what a busy machine takes to look, which is more than all else.
    await lab.waitFor(
      async () => (await lasting(product)).entries.length === before.entries.length,
      'the entries to be back',
    );
    assertLeft(await lasting(product), before);
    assert.ok(await session.echo('after the flush'));
    for (const family of FAMILIES) {
      assert.ok(await getsIn(lab, 'client', family));
      assert.ok(await getsIn(lab, 'client2', family), 'trusted by hand, and by the file');
    }
    await product.waitForLog(
      /ssh_banned4 was emptied by somebody else: its 2 entries are back \(knockctl flush/,
    );
    await product.waitForState('armed');
  });

  test('single entries by hand are the administrator’s: taken out stays out, put in stays in', async () => {
    await using scene = await filled({ backend: 'nft' });
    const { lab, product } = scene;
    await sleep(WRITTEN_MS); // a dump that goes on sees some of what is done beside it, and some not
    await ipset(scene, 'del', 'ssh_banned4', '198.51.100.0/24');
    await ipset(scene, 'add', 'ssh_banned4', '203.0.113.9');
    await ipset(scene, 'add', 'ssh_banned4', '203.0.113.10', 'timeout', '700');
    await sleep(3_000);
    await reboot(lab, product);
    await product.start();
    assert.deepEqual(await banned(product), ['198.51.101.7', '2001:db8::/48', '203.0.113.10', '203.0.113.9']);
    // A flush, and one new entry before anybody has looked: the old ones come back, the new one stays.
    await sleep(WRITTEN_MS);
    await ipset(scene, 'flush', 'ssh_banned4');
    await product.must('drop', '203.0.113.20');
    await lab.waitFor(async () => (await banned(product)).length === 5, 'all five');
    // knockctl flush is no flush by somebody else.
    await product.must('flush', 'banned');
    await sleep(2_500);
    assert.deepEqual(await banned(product), []);
  });
});

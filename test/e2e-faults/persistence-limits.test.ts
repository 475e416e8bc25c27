import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';

import { openEntries } from '../../src/runtime/entries/entry-codec.js';
import { ADDRESS, type Lab } from '../helpers/lab.js';
import { inMountNamespace } from '../helpers/node-child.js';
import type { Product } from '../helpers/product.js';
import { Control, nowMs } from '../helpers/promise.js';
import { waitFor } from '../helpers/wait.js';
import { reboot } from './entries.js';
import { files, getsIn, residentKb, ssh, stage } from './setting.js';

const BANS = 100_000;
/** 10.0.0.0 to 10.1.134.159. */
const ban = (index: number): string => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

async function entriesOf(lab: Lab, set: string): Promise<number> {
  const { stdout } = await lab.exec('server', ['/usr/sbin/ipset', 'list', '-t', set]);
  return Number(/^Number of entries: (\d+)$/m.exec(stdout)?.[1]);
}

/** Milliseconds from the start of the last life to its arming, and what happened between. */
async function arming(product: Product): Promise<{ readonly ms: number; readonly texts: readonly string[] }> {
  const events = await product.events();
  const from = events.findLastIndex(({ text }) => text.startsWith('preparing: '));
  const to = events.findIndex(({ text }, index) => index > from && text.startsWith('armed: '));
  const time = (index: number): number => new Date(events[index]?.time ?? '').getTime();
  return { ms: time(to) - time(from), texts: events.slice(from, to).map(({ text }) => text) };
}

/** What ipset by itself takes for as many entries, again and again in a namespace of its own until `end`: the slowest, in milliseconds. */
function bareRestores(lab: Lab): { readonly end: () => Promise<number> } {
  const state = { isOver: false };
  const entries = Array.from({ length: BANS }, (_, index) => `add bare ${ban(index)}\n`).join('');
  const input = `create bare hash:net timeout 0 maxelem 131072\n${entries}destroy bare\n`;
  const run = async (): Promise<number> => {
    let slowestMs = 0;
    do {
      const beganMs = nowMs();
      const { exitCode, stderr } = await lab.exec('client2', ['/usr/sbin/ipset', 'restore'], { input });
      assert.equal(exitCode, 0, stderr);
      slowestMs = Math.max(slowestMs, nowMs() - beganMs);
    } while (!state.isOver);
    return slowestMs;
  };
  const slowest = run();
  return {
    end: async () => {
      state.isOver = true;
      return slowest;
    },
  };
}

/** The state folder as the supervisor sees it. */
const stateOf = (product: Product): string =>
  `/proc/${product.identity('supervisor')?.pid ?? 0}/root${product.paths.state}`;

describe('entries at their limits', () => {
  let control: Control;
  before(async () => {
    control = await Control.start();
  });
  after(async () => control[Symbol.asyncDispose]());

  // Red with EntryKeeper.recall left out: nobody is banned after the boot.
  test('100,000 bans at boot: in before arming, in under 2 s or four times what a bare ipset takes (fault 28)', async (t) => {
    await using scene = await stage('nft');
    const { lab, product } = scene;
    await product.start();
    const input = Array.from({ length: BANS }, (_, index) => `${ban(index)}\n`).join('');
    const done = await product.ctl(['drop', '-', '--timeout', '7200'], { input });
    assert.equal(done.exitCode, 0, done.stderr);
    await product.waitForLog(/banned for 7200 s/);
    const isKept = (): boolean => files(`${product.paths.state}/entries`).includes('ssh_banned4');
    await waitFor(isKept, 'the bans to be on disk');
    assert.equal((await product.status()).state, 'armed', 'written without a missed heartbeat');
    await reboot(lab, product);
    const bare = bareRestores(lab);
    await product.start();
    const bareMs = await bare.end();
    assert.equal(await entriesOf(lab, 'ssh_banned4'), BANS);
    const { ms, texts } = await arming(product);
    assert.ok(
      texts.some((text) => text.startsWith(`${BANS} entries of ssh_banned4 are put back`)),
      'before it was armed',
    );
    const told = `from start to armed: ${ms} ms; a bare ipset, with the same entries beside it: ${bareMs.toFixed(0)} ms`;
    const pid = product.identity('supervisor')?.pid ?? 0;
    t.diagnostic(`${told}; resident memory of the supervisor: ${residentKb(pid)} kB`);
    assert.ok(ms <= Math.max(2_000, 4 * bareMs), told);
  });

  // Red where each try is told (14 lines, not 1), and where what could be written takes the place of the old file.
  test('no space for the state: verbs act, the old file stays, one line says it, and it is written later (fault 21)', async () => {
    await using scene = await stage('nft');
    const { lab, product } = scene;
    const log = join(lab.dir, 'knockctl.log');
    product.configure(ssh('nft', '', `[log]\nfile = ${log}\n`));
    mkdirSync(product.paths.state, { mode: 0o700 });
    product.before = inMountNamespace(`mount -t tmpfs -o size=128k,mode=700 none ${product.paths.state}`);
    const said = (pattern: RegExp): number => product.log(log).filter((line) => pattern.test(line)).length;
    await product.start();
    await product.must('accept', '192.0.2.1', '--timeout', '600');
    await product.must('drop', '192.0.2.9');
    const state = stateOf(product);
    const saved = (): string => readFileSync(`${state}/entries/ssh_granted4`, 'utf8');
    const first = ['ssh_banned4', 'ssh_granted4']; // a file that is being written has another name
    const areKept = (): boolean => first.every((name) => files(`${state}/entries`).includes(name));
    await control.keepsUntil('until both files were written', nowMs(), 1_500, areKept);
    try {
      writeFileSync(join(state, 'filler'), 'x'.repeat(1_000_000));
    } catch (error) {
      assert.match(String(error), /ENOSPC/);
    }
    const old = saved();
    await product.must('accept', ADDRESS.client[4], '--timeout', '600');
    assert.ok(await getsIn(lab, 'client'), 'the verb acts in the kernel');
    await product.must('drop', '192.0.2.10', '192.0.2.11');
    await sleep(4_000);
    assert.equal(saved(), old, 'the old file is as it was');
    assert.ok(openEntries(old, 'ssh_granted4').ok);
    assert.equal(said(/cannot keep the entries/), 1, 'said once');
    const full = await product.status();
    assert.equal(full.state, 'armed');
    assert.match(full.entriesKept.problem ?? '', /no space is left/);
    assert.match((await product.ctl(['status'])).stdout, /not saved {2}ssh_\w+: .*no space is left/);
    await product.must('flush', 'banned');
    const isFlushed = (): boolean => !files(`${state}/entries`).includes('ssh_banned4');
    await control.keepsUntil('until the flush was kept', nowMs(), 2_500, isFlushed);

    rmSync(join(state, 'filler'));
    const isWritten = (): boolean => saved().includes(ADDRESS.client[4]);
    await control.keepsUntil('until the file was written', nowMs(), 2_500, isWritten);
    await lab.waitFor(async () => (await product.status()).entriesKept.problem === null, 'all to be well');
    assert.equal(said(/kept on disk again/), 1);
    assert.equal(said(/cannot keep the entries/), 1);
  });

  test('no space for the history of events: all goes on, and later ones are kept again', async () => {
    await using scene = await stage('legacy');
    const { lab, product } = scene;
    const log = join(lab.dir, 'knockctl.log');
    product.configure(ssh('legacy', '', `[log]\nfile = ${log}\n`));
    mkdirSync(product.paths.state, { mode: 0o700 });
    product.before = inMountNamespace(`mount -t tmpfs -o size=64k,mode=700 none ${product.paths.state}`);
    await product.start();
    const state = stateOf(product);
    try {
      writeFileSync(join(state, 'filler'), 'x'.repeat(1_000_000));
    } catch (error) {
      assert.match(String(error), /ENOSPC/);
    }
    for (let round = 0; round < 40; round += 1) await product.must('accept', '192.0.2.1');
    assert.equal(
      (await product.events()).filter(({ kind }) => kind === 'accept').length,
      40,
      'shown all the same',
    );
    const lost = product.log(log).filter((line) => line.includes('events cannot be kept'));
    assert.equal(lost.length, 1);
    rmSync(join(state, 'filler'));
    await product.must('accept', '192.0.2.2');
    assert.match(
      readFileSync(`${state}/events.jsonl`, 'utf8'),
      /\n\{"number":\d+,[^\n]*192\.0\.2\.2 [^\n]*\}\n/,
    );
  });
});

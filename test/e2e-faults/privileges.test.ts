import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { after, before, test } from 'node:test';

import type { ExecResult } from '../helpers/processes.js';
import { KNOCKCTL } from '../helpers/product.js';
import { AS_NOBODY } from '../helpers/nobody.js';
import { files, jumps, kernel, stage, type Stage } from './setting.js';

let scene: Stage;
let untouched: string;
before(async () => {
  scene = await stage('nft');
  untouched = await kernel(scene.lab);
});
after(async () => {
  await scene[Symbol.asyncDispose]();
});

/** knockctl with words in front of it. */
async function as(words: readonly string[], ...args: readonly string[]): Promise<ExecResult> {
  const argv = [process.execPath, KNOCKCTL, '-c', scene.product.paths.conf, ...args];
  return scene.lab.exec('server', [...words, ...argv]);
}

const without = (capability: string): string[] => [
  '/usr/bin/setpriv',
  `--bounding-set=-${capability}`,
  `--inh-caps=-${capability}`,
  '--',
];
/** Hides a tool from one command: `ip netns exec` gives each a mount namespace of its own. */
const hidden = (...tools: readonly string[]): string[] => {
  const mounts = tools.map((tool) => `mount --bind /dev/null ${realpathSync(tool)}`);
  return ['/bin/sh', '-c', `${mounts.join(' && ')} && exec "$0" "$@"`];
};

async function refused(done: Promise<ExecResult>, code: number, words: RegExp): Promise<void> {
  const { exitCode, stdout, stderr } = await done;
  assert.equal(exitCode, code, `${stdout}${stderr}`);
  assert.equal(stdout, '');
  assert.match(stderr, words);
  assert.doesNotMatch(stderr, /\bat .*\.js:\d+/, 'a stack is no answer');
}

async function nothingLeft(): Promise<void> {
  assert.equal(await kernel(scene.lab), untouched, 'something was left in the kernel');
  const left = files(scene.product.paths.run).filter((name) => name !== 'lock');
  assert.deepEqual(left, [], 'something was left in the run folder');
}

test('not root: 77, for all but check, help and the client', async () => {
  const verbs = ['start', 'stop', 'status', 'reload', 'list', 'run', 'setup', 'restartifdead'];
  for (const verb of verbs) await refused(as(AS_NOBODY, verb), 77, /for root only/);
  await refused(as(AS_NOBODY, 'accept', '192.0.2.1'), 77, /for root only/);
  assert.equal((await as(AS_NOBODY, '--help')).exitCode, 0);
  await nothingLeft();
});

test('a tool that is missing: 69, and how to get it', async () => {
  const missing: readonly (readonly [readonly string[], RegExp])[] = [
    [['/usr/sbin/ipset'], /ipset is not installed\n {2}apt-get install ipset/],
    [['/usr/bin/flock'], /flock is not installed\n {2}apt-get install util-linux/],
    [['/usr/bin/setpriv'], /setpriv is not installed\n {2}apt-get install util-linux/],
    [
      ['/usr/sbin/xtables-nft-multi', '/usr/sbin/xtables-legacy-multi'],
      /not installed\n {2}apt-get install iptables/,
    ],
    [['/usr/sbin/xtables-nft-multi'], /not installed\n {2}apt-get install iptables/],
  ];
  for (const [tools, words] of missing) {
    await refused(as(hidden(...tools), 'start'), 69, words);
    await nothingLeft();
  }
  await refused(as(hidden('/usr/sbin/ipset'), 'accept', '192.0.2.1'), 69, /ipset is not installed/);
});

test('without CAP_NET_ADMIN: 69, nothing begun', async () => {
  for (const verb of [['start'], ['setup'], ['accept', '192.0.2.1']]) {
    await refused(as(without('net_admin'), ...verb), 69, /CAP_NET_ADMIN[\s\S]*NET_ADMIN/);
  }
  await nothingLeft();
});

test('without CAP_NET_RAW: 69, all taken back', async () => {
  await refused(as(without('net_raw'), 'start'), 69, /CAP_NET_RAW/);
  await nothingLeft();
});

test('without CAP_SETUID, a listener that cannot give up root: 69, all taken back', async () => {
  await refused(as(without('setuid'), 'start'), 69, /the listener cannot work/);
  await nothingLeft();
});

test('a caller without permission beside a running service does it no harm', async () => {
  const { lab, product } = scene;
  await product.start();
  await refused(as(AS_NOBODY, 'stop'), 77, /for root only/);
  const connect = `require('node:net').connect(process.argv[1]).on('error', (e) => { console.log(e.code); })`;
  const socket = `${product.paths.run}/control.sock`;
  const done = await lab.exec('server', [...AS_NOBODY, process.execPath, '-e', connect, socket]);
  assert.equal(done.stdout, 'EACCES\n');
  assert.equal((await product.status()).state, 'armed');
  assert.equal(await jumps(lab, 4), 1);
  await product.stop();
  await nothingLeft();
});

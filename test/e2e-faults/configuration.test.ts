import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import type { ExecResult } from '../helpers/processes.js';
import { Product } from '../helpers/product.js';
import { AS_NOBODY } from '../helpers/nobody.js';
import { DOORS, files, kernel, ssh, stage, type Stage } from './setting.js';

const GOOD = ssh('nft');
/** Faults of knockctl.conf, with the line in which each stands behind the nine lines of ssh()'s beginning. */
const FAULTY = `[failsafe]
heartbeet = 1
switch_timeout = 0
[service.ssh]
ports = 2222, 99999
accept_timeout = -1
on_failure = explode
[nonsense]
x = 1
[health]
schedule = every minute
`;
const FAULTY_DOORS =
  'sequence = 1\n[a]\nsequence = 70000\nbogus\n[b]\nsequence = 1,2\ncommand = knockctl accept\n';

let scene: Stage;
before(async () => {
  scene = await stage('nft');
});
after(async () => {
  await scene[Symbol.asyncDispose]();
});
beforeEach(() => {
  scene.product.configure(GOOD);
  writeFileSync(scene.product.paths.doors, DOORS);
  rmSync(scene.product.paths.rules, { recursive: true, force: true });
});

function refused(done: ExecResult, code: number, words: RegExp): void {
  assert.equal(done.exitCode, code, `${done.stdout}${done.stderr}`);
  assert.equal(done.stdout, '');
  assert.match(done.stderr, words);
  assert.doesNotMatch(done.stderr, /\bat .*\.js:\d+/, 'a stack is no answer');
}

function everyFault(done: ExecResult): void {
  const { paths } = scene.product;
  for (const line of [8, 9, 11, 12, 13, 14, 17]) {
    assert.match(done.stderr, new RegExp(`${paths.conf}:${line}: `), `line ${line} of knockctl.conf`);
  }
  for (const line of [1, 3, 4]) {
    assert.match(done.stderr, new RegExp(`${paths.doors}:${line}: `), `line ${line} of knockd.conf`);
  }
}

test('stopped: every fault at once, with file and line, and nothing is begun', async () => {
  const { lab, product } = scene;
  const held = await kernel(lab);
  product.configure(FAULTY);
  writeFileSync(product.paths.doors, FAULTY_DOORS);
  for (const verb of ['check', 'start', 'restart', 'setup', 'restartifdead', 'run']) {
    const done = await product.ctl([verb]);
    refused(done, 78, /nothing was changed/);
    everyFault(done);
  }
  assert.equal(await kernel(lab), held);
  assert.deepEqual(files(product.paths.run), []);
});

test('running: the service stays in force, by the configuration that it has', async () => {
  const { lab, product } = scene;
  await product.start();
  await product.must('accept', '192.0.2.1', '--timeout', '1000');
  const held = await kernel(lab);
  const supervisor = product.identity('supervisor');
  product.configure(FAULTY);
  writeFileSync(product.paths.doors, FAULTY_DOORS);
  for (const verb of ['check', 'start', 'reload', 'restart', 'condrestart']) {
    const done = await product.ctl([verb]);
    refused(done, 78, /nothing was changed/);
    everyFault(done);
  }
  product.configure(GOOD);
  writeFileSync(product.paths.doors, DOORS);
  mkdirSync(product.paths.rules);
  writeFileSync(join(product.paths.rules, 'service.rules'), '*filter\n-A INPUT -j DROP\nCOMMIT\n');
  for (const verb of ['check', 'reload', 'restart']) {
    refused(await product.ctl([verb]), 78, /service\.rules: \[service\.ssh\] /);
  }
  assert.equal((await product.status()).state, 'armed');
  assert.deepEqual(product.identity('supervisor'), supervisor);
  assert.equal(await kernel(lab), held);
  rmSync(product.paths.rules, { recursive: true });
  await product.stop();
});

test('dead, and nobody can read the configuration any more: stop takes out all that it left', async () => {
  const { lab, product } = scene;
  const before_ = await lab.save('server', 4);
  const sets = async (): Promise<string> =>
    (await lab.exec('server', ['/usr/sbin/ipset', 'list', '-n'])).stdout;
  const spoilers: readonly (() => void)[] = [
    () => {
      product.configure(FAULTY);
    },
    () => {
      rmSync(product.paths.doors);
    },
    () => {
      mkdirSync(product.paths.rules);
      writeFileSync(join(product.paths.rules, 'service.rules'), 'garbage\n');
    },
  ];
  for (const spoil of spoilers) {
    product.configure(ssh('nft', 'on_failure = hold'));
    writeFileSync(product.paths.doors, DOORS);
    await product.start();
    await product.must('accept', '192.0.2.1');
    await product.kill('supervisor');
    spoil();
    const done = await product.ctl(['stop']);
    assert.equal(done.exitCode, 0, done.stderr);
    assert.match(done.stderr, /the configuration cannot be read/);
    assert.equal(await lab.save('server', 4), before_);
    assert.equal(await sets(), '');
  }
});

test('a configuration that is not there, a folder, or not readable', async () => {
  const { lab, product } = scene;
  const ctl = async (file: string, ...args: string[]): Promise<ExecResult> =>
    product.ctl(['-c', file, ...args]);
  for (const verb of ['check', 'start', 'status', 'stop', 'list']) {
    refused(await ctl(join(lab.dir, 'nowhere.conf'), verb), 78, /nowhere\.conf: there is no such file/);
  }
  refused(await ctl(lab.dir, 'check'), 78, /cannot be read: it is a folder/);
  writeFileSync(join(lab.dir, 'noise.conf'), Buffer.alloc(5_000, 0x85));
  refused(await ctl(join(lab.dir, 'noise.conf'), 'check'), 78, /noise\.conf:1: /);
  chmodSync(lab.dir, 0o755);
  chmodSync(product.paths.conf, 0o600);
  const words = ['-c', product.paths.conf, 'check'];
  const { KNOCKCTL } = await import('../helpers/product.js');
  const done = await lab.exec('server', [...AS_NOBODY, process.execPath, KNOCKCTL, ...words]);
  refused(done, 78, /cannot be read: permission denied/);
});

test('doors and trusted list that are not there', async () => {
  const { product } = scene;
  rmSync(product.paths.doors);
  rmSync(product.paths.trusted);
  const done = await product.ctl(['start']);
  refused(done, 78, /doors: there is no file/);
  assert.match(done.stderr, /trusted: there is no file/);
  writeFileSync(product.paths.trusted, '');
});

test('templates that are broken', async () => {
  const { lab, product } = scene;
  const held = await kernel(lab);
  mkdirSync(product.paths.rules);
  const file = join(product.paths.rules, 'service.rules');
  const broken: readonly (readonly [string, RegExp])[] = [
    ['', /one table/],
    ['garbage\n', /service\.rules:1: /],
    ['*filter\n:@SERVICE@_policy - [0:0]\nCOMMIT\n', /exactly one rule belongs into/],
    ['*filter\n:@SERVICE@_policy - [0:0]\n-A @CHAIN@ -j @SERVICE@_policy\nCOMMIT\n', /must keep its comment/],
    ['*filter\n:@WHAT@_policy - [0:0]\nCOMMIT\n', /must begin with @SERVICE@_/],
    ['*filter\n-F INPUT\nCOMMIT\n', /only -A lines/],
    ['*nat\nCOMMIT\n', /one table/],
  ];
  for (const [text, words] of broken) {
    writeFileSync(file, text);
    refused(await product.ctl(['check']), 78, words);
    refused(await product.ctl(['start']), 78, words);
  }
  rmSync(file);
  mkdirSync(file);
  refused(await product.ctl(['start']), 78, /cannot be read: it is a folder/);
  assert.equal(await kernel(lab), held);
});

test('a template that only the kernel can refuse', async () => {
  const { lab, product } = scene;
  const held = await kernel(lab);
  mkdirSync(product.paths.rules);
  const rules = `*filter
:@SERVICE@_policy - [0:0]
-A @CHAIN@ -p @PROTOCOL@ -m multiport --dports @PORTS@ -m comment --comment "knockctl:@SERVICE@" -j @SERVICE@_policy
-A @SERVICE@_policy -j NOSUCHTARGET
COMMIT
`;
  writeFileSync(join(product.paths.rules, 'service.rules'), rules);
  refused(await product.ctl(['start']), 69, /NOSUCHTARGET/);
  assert.equal(await kernel(lab), held, 'something was left behind');
  assert.equal((await product.ctl(['status'])).exitCode, 3);
});

test('run folders that can be none', async () => {
  const { lab, product } = scene;
  const held = await kernel(lab);
  const { run } = product.paths;
  rmSync(run, { recursive: true, force: true });
  const conf = (path: string): void => {
    product.configure(GOOD);
    writeFileSync(
      product.paths.conf,
      `[paths]\nrun = ${path}\ndoors = ${product.paths.doors}\ntrusted = ${product.paths.trusted}\nrules = ${product.paths.rules}\nstate = ${product.paths.state}\n${GOOD}`,
    );
  };
  writeFileSync(join(lab.dir, 'file'), 'not a folder');
  for (const path of [
    join(lab.dir, 'file'),
    join(lab.dir, 'file/below'),
    '/proc/knockctl',
    '/sys/knockctl',
  ]) {
    conf(path);
    refused(await product.ctl(['start']), 78, /cannot make the folder .*[\s\S]*in \[paths\]/);
    assert.equal((await product.ctl(['status'])).exitCode, 3, path);
  }
  for (const path of [`/run/${'long'.repeat(30)}`, 'relative/path', '']) {
    conf(path);
    refused(await product.ctl(['start']), 78, /knockctl\.conf:2: run/);
  }
  product.configure(GOOD);
  const taken = join(run, 'control.sock');
  mkdirSync(taken, { recursive: true });
  refused(await product.ctl(['start']), 78, /cannot open the control socket/);
  rmSync(taken, { recursive: true });
  writeFileSync(taken, 'a leftover');
  await product.start();
  await product.stop();
  assert.equal(await kernel(lab), held);
});

test('a run folder on a read-only file system', async () => {
  const { lab, product } = scene;
  const held = await kernel(lab);
  const folder = join(lab.dir, 'frozen');
  const frozen = new Product(lab, { doors: DOORS, conf: GOOD, folder: 'frozen' });
  mkdirSync(frozen.paths.run, { recursive: true });
  // The mounts are those of the one command: `ip netns exec` makes a mount namespace of its own.
  const script = `mount --bind ${folder} ${folder} && mount -o remount,ro,bind ${folder} && exec "$0" "$@"`;
  const { KNOCKCTL } = await import('../helpers/product.js');
  const argv = ['/bin/sh', '-c', script, process.execPath, KNOCKCTL, '-c', frozen.paths.conf, 'start'];
  refused(await lab.exec('server', argv), 78, /read-only[\s\S]*in \[paths\]/);
  assert.equal(await kernel(lab), held);
  assert.equal(dirname(product.paths.conf) === folder, false);
});

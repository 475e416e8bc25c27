/** Processes of other users on the host, and a listener that was taken over. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { readIfExists } from '../../src/system/files.js';
import { Rogue } from '../faults/rogue.js';
import { ADDRESS } from '../helpers/lab.js';
import { KNOCKCTL } from '../helpers/product.js';
import { getsIn, SEQUENCE, stage, withKernelDoors, type Stage } from './setting.js';

/** A user that every Debian has and that runs nothing here: it stands for `_knockctl`, which a package makes. */
const OWN = 'games';
const ATTACKER = fileURLToPath(new URL('../../../test/e2e-faults/attackers.py', import.meta.url));

function conf(more = ''): string {
  const listener = `[listener]\nuser = ${OWN}\n`;
  const text = withKernelDoors('nft', 'on_failure = restore\n', listener);
  return text.replace('listener_timeout = 2', `listener_timeout = 2\n${more}`);
}

async function doorWorks({ lab, product }: Stage): Promise<void> {
  await lab.knock('client', ADDRESS.server[4], SEQUENCE);
  await lab.waitFor(async () => getsIn(lab, 'client'), 'the door');
  await product.must('flush', 'filter');
}

describe('a process of another user', () => {
  // Red for nobody with `user = nobody`: every signal is allowed.
  test('ends, stops, traces or impersonates nothing: listener, supervisor and port stay as they are', async () => {
    await using scene = await stage('nft', { conf: conf() });
    const { lab, product } = scene;
    await product.start();
    const listener = product.identity('listener');
    const supervisor = product.identity('supervisor');
    assert.ok(listener !== undefined && supervisor !== undefined);
    // Where a container may not go below its own, all stays as it is.
    const mayGoLast = spawnSync('/bin/sh', ['-c', 'echo -900 >/proc/self/oom_score_adj']).status === 0;
    const oom = ({ pid }: { readonly pid: number }): string =>
      (readIfExists(`/proc/${pid}/oom_score_adj`) ?? '').trim();
    assert.deepEqual([oom(supervisor), oom(listener)], [mayGoLast ? '-900' : '0', '0']);
    const { run, state } = product.paths;
    const text = readFileSync(ATTACKER, 'utf8');
    for (const user of ['nobody', 'www-data', 'daemon']) {
      const as = ['/usr/bin/setpriv', `--reuid=${user}`, '--regid=nogroup', '--clear-groups'];
      const argv = ['/usr/bin/python3', '-c', text, run, state, String(listener.pid), String(supervisor.pid)];
      const done = await lab.exec('server', [...as, ...argv]);
      assert.equal(done.stdout, '[]\n', `${user}: ${done.stdout}${done.stderr}`);
    }
    assert.deepEqual(product.identity('listener'), listener);
    assert.deepEqual(product.identity('supervisor'), supervisor);
    assert.equal((await product.status()).state, 'armed');
    assert.equal(await getsIn(lab, 'client'), false);
    await doorWorks(scene);
    await product.stop();
  });

  test('is not what runs the listener: without its own user, nobody does, and check says so', async () => {
    await using scene = await stage('nft', { conf: withKernelDoors('nft') });
    const { lab, product } = scene;
    // A passwd without our user, whatever this machine has.
    const passwd = readFileSync('/etc/passwd', 'utf8').replaceAll(/^_knockctl:.*\n/gm, '');
    writeFileSync(join(lab.dir, 'passwd'), passwd);
    const view = ['/usr/bin/unshare', '-m', '/bin/sh', '-c', 'mount --bind "$0" /etc/passwd && exec "$@"'];
    product.before = [...view, join(lab.dir, 'passwd')];
    await product.start();
    const status = readIfExists(`/proc/${product.identity('listener')?.pid ?? 0}/status`) ?? '';
    assert.match(status, /^Uid:\t65534\t/m);
    const check = await product.ctl(['check']);
    assert.equal(check.exitCode, 0);
    assert.match(check.stderr, /warning: .*no user _knockctl: the listener runs as nobody.*useradd/);
    await product.stop();
  });
});

/** What a listener that was taken over says, once it has given up root and is believed: each time that it is started, the next one. */
const LIES = `
const { readFileSync, writeFileSync, writeSync, readdirSync } = require('node:fs');
const nth = Number(readFileSync('COUNT', 'utf8'));
writeFileSync('COUNT', String(nth + 1));
const say = (message) => writeSync(3, JSON.stringify(message) + '\\n');
const evil = '\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\r\\nforged: line';
const lies = [
  () => { say({ type: 'fatal', reason: evil }); },
  () => { writeSync(2, evil); process.exit(9); },
  () => { for (;;) try { say({ type: 'stage', door: 0, address: '192.0.2.9', stage: 1 }); } catch {} },
];
const timer = setInterval(() => {
  if (process.getuid() === 0) return;
  clearInterval(timer);
  setTimeout(() => { try { lies[nth]?.(); } catch { process.exit(8); } if (nth < lies.length) setTimeout(() => process.exit(7), 500); }, 300);
}, 20);
`;

describe('a listener that was taken over', () => {
  // Red with printable.ts giving texts back as they are.
  test('writes nothing but printable text, and no more of each kind than a sound one; the port stays shut', async () => {
    await using scene = await stage('nft', { conf: conf('max_restarts = 100\n') });
    const { lab, product } = scene;
    const rogue = new Rogue({
      lab,
      ctlAfter: async (prepare, ...args) => {
        const argv = [process.execPath, KNOCKCTL, '-c', product.paths.conf, ...args];
        return lab.exec('server', ['/bin/sh', '-c', `${prepare} && exec "$0" "$@"`, ...argv]);
      },
    });
    const count = join(lab.dir, 'count');
    mkdirSync(lab.dir, { recursive: true });
    writeFileSync(count, '0');
    rogue.adds(LIES.replaceAll('COUNT', count));
    await rogue.ctl('start');
    for (const words of [
      /listener lost: \?\]0;owned\?+\[2J\?31m\? \| forged: line/,
      /listener lost: exited with status 9: \?\]0;owned/,
      /listener lost: flooded the supervisor with messages \(stage\)/,
    ]) {
      await product.waitForLog(words);
      assert.equal(await getsIn(lab, 'client'), false, String(words));
    }
    const log = readFileSync(product.paths.log);
    assert.ok(
      log.every((byte) => byte === 0x0a || byte >= 0x20),
      'no control byte is in the log',
    );
    const stages = product.log().filter((line) => line.includes('192.0.2.9')).length;
    assert.ok(stages <= 1_200, `${stages} lines by one that floods`);
    for (const verb of [['status'], ['events'], ['events', '--json']]) {
      const { stdout, stderr } = await product.ctl(verb);
      assert.doesNotMatch(stdout + stderr, /[^\n\u0020-\uffff]|[\u007f-\u009f]/, verb.join(' '));
    }
    await product.stop();
  });
});

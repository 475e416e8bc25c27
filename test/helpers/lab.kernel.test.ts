import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { FAMILIES } from '../../src/base/address.js';
import { ADDRESS, createLab, type Backend } from './lab.js';
import { exec, LabProcess } from './processes.js';
import { happensWithin, waitFor } from './wait.js';

const BACKENDS: readonly Backend[] = ['nft', 'legacy'];

async function namespaces(): Promise<string> {
  return (await exec(['/usr/sbin/ip', 'netns', 'list'])).stdout;
}

for (const backend of BACKENDS) {
  test(`both clients reach the server in both families, and rules of ${backend} count`, async () => {
    await using lab = await createLab({ backend });
    await lab.tcpEcho('server', 22);
    for (const family of FAMILIES) {
      const address = ADDRESS.server[family];
      assert.equal(await lab.canConnect('client', address, 22), true);
      assert.equal(await lab.canConnect('client2', address, 22), true);
      assert.equal(await lab.canConnect('client', address, 23), false, 'a closed port refuses');
      const before = await lab.save('server', family);
      assert.match(before, /^\*filter\n:INPUT ACCEPT \[0:0\]\n/);
      const rule = ['INPUT', '-s', ADDRESS.client[family], '-p', 'tcp', '--dport', '22', '-j', 'DROP'];
      await lab.iptables('server', family, ['-A', ...rule]);
      assert.equal(await lab.canConnect('client', address, 22), false, 'dropped');
      assert.equal(await lab.canConnect('client2', address, 22), true, 'another source');
      assert.notEqual(await lab.save('server', family), before);
      await lab.iptables('server', family, ['-D', ...rule]);
      assert.equal(await lab.save('server', family), before);
    }
  });
}

test('a session echoes, notices when it is cut off, and recovers', async () => {
  await using lab = await createLab({ backend: 'nft' });
  await lab.tcpEcho('server', 2222);
  const session = await lab.openSession('client', ADDRESS.server[6], 2222);
  assert.equal(await session.echo('one'), true);
  await lab.iptables('server', 6, ['-A', 'INPUT', '-p', 'tcp', '-j', 'DROP']);
  assert.equal(await session.echo('two', 300), false);
  await lab.iptables('server', 6, ['-F', 'INPUT']);
  assert.equal(await session.echo('three', 5000), true);
  await session.close();
  await assert.rejects(lab.openSession('client', ADDRESS.server[4], 2223), /ended before saying/);
});

test('exec gives output and exit code, passes input and environment, and ends what takes too long', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const shell = ['/bin/sh', '-c', 'cat; echo "$WORD" >&2; exit 7'];
  const done = await lab.exec('client', shell, { input: 'in', env: { WORD: 'env' } });
  assert.deepEqual(done, { stdout: 'in', stderr: 'env\n', exitCode: 7 });
  await assert.rejects(
    lab.exec('client', ['/bin/sleep', '60'], { timeoutMs: 100 }),
    /after 100 ms still runs/,
  );
  await assert.rejects(
    lab.exec('client', ['/bin/sh', '-c', 'sleep 60 & exit 4'], { timeoutMs: 300 }),
    /ended with 4, but something that it started holds its output open/,
  );
  const killed = lab.spawn('server', ['/bin/sleep', '60']);
  assert.equal(await killed.kill('SIGTERM'), 143);
});

test('waiting asks until the condition holds, or gives up', async () => {
  assert.equal(await happensWithin(() => false, 50), false);
  let asked = 0;
  await waitFor(() => (asked += 1) === 3, 'the third question');
  assert.equal(asked, 3);
});

test('dispose leaves no namespace, no directory and no process, daemons included', async () => {
  const lab = await createLab({ backend: 'nft' });
  const sleeper = lab.spawn('client2', ['/bin/sleep', '600']);
  const daemon = await lab.exec('server', ['/bin/sh', '-c', 'setsid sleep 600 >&- 2>&- <&- & echo $!']);
  await access(lab.dir);
  assert.ok(await isRunning(Number(daemon.stdout)));
  await lab.dispose();
  await lab.dispose();
  assert.equal(await sleeper.closed, 137);
  await waitFor(async () => !(await isRunning(Number(daemon.stdout))), 'the end of the daemon');
  assert.ok(!(await namespaces()).includes(lab.namespace.server));
  await assert.rejects(access(lab.dir), { code: 'ENOENT' });
});

/** A process of its own that makes a lab, prints its server's namespace and stays. */
function startOwner(): LabProcess {
  const code = `import(${JSON.stringify(new URL('lab.js', import.meta.url).href)}).then(async ({ createLab }) => {
    const lab = await createLab({ backend: 'nft' });
    lab.spawn('server', ['/bin/sleep', '600']);
    console.log(lab.namespace.server, lab.dir, 'made');
  });`;
  return new LabProcess([process.execPath, '-e', code]);
}

for (const [signal, exitCode] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  test(`a lab goes with its process on ${signal}`, async () => {
    const owner = startOwner();
    await owner.until('made');
    const [namespace = '', dir = ''] = owner.stdout.split(' ');
    assert.ok((await namespaces()).includes(namespace));
    assert.equal(await owner.kill(signal), exitCode);
    assert.ok(!(await namespaces()).includes(namespace));
    await assert.rejects(access(dir), { code: 'ENOENT' });
  });
}

test('the next lab removes what a killed run left, and nothing of a living one', async () => {
  await using first = await createLab({ backend: 'nft' });
  const owner = startOwner();
  await owner.until('made');
  const [namespace = '', dir = ''] = owner.stdout.split(' ');
  await owner.kill('SIGKILL');
  assert.ok((await namespaces()).includes(namespace), 'SIGKILL leaves it behind');
  await using second = await createLab({ backend: 'nft' });
  const left = await namespaces();
  assert.ok(!left.includes(namespace));
  assert.ok(left.includes(first.namespace.client) && left.includes(second.namespace.client));
  await assert.rejects(access(dir), { code: 'ENOENT' });
  assert.ok((await readdir(first.dir)).length === 0);
});

test('an error that nobody catches still takes the lab with it', async () => {
  const code = `import(${JSON.stringify(new URL('lab.js', import.meta.url).href)}).then(async ({ createLab }) => {
    console.log((await createLab({ backend: 'nft' })).namespace.server);
    throw new Error('on purpose');
  });`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'ignore'] });
  const output = child.stdout.setEncoding('utf8').toArray();
  await once(child, 'close');
  const [namespace = ''] = (await output).map((text: unknown) => String(text).trim());
  assert.match(namespace, /^kclab-/);
  assert.ok(!(await namespaces()).includes(namespace));
});

/** False for a zombie too: it has ended, and waits only for a parent to notice. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tX');
  return !/^State:\t[XZ]/m.test(status);
}

/** Doors in the kernel, as a user meets them: with nothing of ours running, and beside the listener. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import { Product } from '../helpers/product.js';
import { isAlive } from '../../src/system/process.js';
import { BACKENDS, conf, DECOY, DOORS, inTurn, look, OPEN, type Setting } from './setting.js';

/** Kills supervisor and listener, as the OOM killer would; nobody starts them again. */
async function killAll({ lab, product }: Pick<Setting, 'lab' | 'product'>): Promise<void> {
  const [supervisor, listener] = [product.identity('supervisor'), product.identity('listener')];
  assert.ok(supervisor !== undefined && listener !== undefined);
  process.kill(supervisor.pid, 'SIGKILL');
  process.kill(listener.pid, 'SIGKILL');
  await lab.waitFor(() => !isAlive(supervisor) && !isAlive(listener), 'the end of all of ours');
}

async function ipset(lab: Lab, ...words: readonly string[]): Promise<string> {
  const done = await lab.exec('server', ['/usr/sbin/ipset', ...words]);
  assert.equal(done.exitCode, 0, done.stderr);
  return done.stdout;
}

function edit({ paths }: Product, change: (text: string) => string): void {
  writeFileSync(paths.doors, change(readFileSync(paths.doors, 'utf8')));
}

describe('with everything of ours killed', { concurrency: 2 }, () => {
  // With kernel_doors = no (run once, 2026-11-21): red.
  inTurn(
    'a knock opens for the knocker alone, for its time; a decoy bans, but for the trusted',
    {
      service: 'on_failure = hold\naccept_timeout = 8',
      trusted: `${ADDRESS.client2[4]}\n${ADDRESS.client2[6]}\n`,
    },
    async (setting) => {
      const { lab, product, client, client2, server, gets, shuts, knock } = setting;
      await product.start();
      await killAll(setting);
      assert.equal(await gets('client'), false);
      await knock('client', [7000, 9000, 8000]);
      assert.equal(await gets('client'), false, 'a wrong order');
      await knock('client', OPEN);
      assert.equal(await gets('client'), true, 'the first packet after the knock');
      const listed = await product.list('filter');
      assert.deepEqual(
        listed.map(({ address }) => address),
        [client],
      );
      const session = await lab.openSession('client', server, 22);
      await shuts('client');
      assert.equal(await session.echo('still here'), true);

      await knock('client2', DECOY);
      assert.equal(await gets('client2'), true, 'who is trusted cannot be banned by packets');
      await product.must('untrust', client2);
      await knock('client2', DECOY);
      assert.equal(await gets('client2'), false, 'banned');
      await knock('client2', OPEN);
      assert.equal(await gets('client2'), false, 'and no knock lifts it');
      await knock('client', OPEN);
      await knock('client', DECOY);
      assert.equal(await gets('client'), true, 'who is in stays in');
      assert.deepEqual(await product.addresses('banned'), [client2]);
      assert.equal(await session.echo('to the end'), true);
      await product.stop();
      assert.equal(await ipset(lab, 'list', '-n'), '');
    },
  );
});

inTurn('a reload leaves attempts at doors that stay under way', {}, async (setting) => {
  const { lab, product, gets, knock } = setting;
  edit(product, (text) => text.replace('seq_timeout = 5', 'seq_timeout = 60'));
  await product.start();
  await knock('client', OPEN.slice(0, 2));
  const added =
    '\n[more]\nsequence = 4000,4001\ntcpflags = syn\ncommand = knockctl accept %IP% --timeout 100\n';
  appendFileSync(product.paths.doors, added);
  await product.must('reload');
  await killAll(setting);
  await knock('client', OPEN.slice(2));
  assert.equal(await gets('client'), true);
  await knock('client2', [4000, 4001]);
  assert.equal(await gets('client2'), true, 'the new door');
  await product.must('restartifdead');
  edit(product, (text) => text.slice(0, text.indexOf('[decoy]')));
  await product.must('reload');
  await lab.waitFor(
    async () => !/\.decoy|more/.test(await ipset(lab, 'list', '-n')),
    'the sets of the doors that are gone to be taken out',
  );
  assert.doesNotMatch(await lab.save('server', setting.family), /\.decoy|more/);
  await product.must('flush', 'filter');
  await knock('client2', [4000, 4001]);
  assert.equal(await gets('client2'), false);
});

// By the numbers of entries alone (run once, 2026-11-21): red, `ssh_filter4 was emptied by somebody else`.
inTurn(
  'a closing door stays closed, though it has taken the only entry out, and whoever heard it',
  { doors: `${DOORS}\n[close]\nsequence = 4000,4001\ntcpflags = syn\ncommand = knockctl flush %IP%\n` },
  async ({ lab, product, client, gets, knock }) => {
    await product.start();
    const savedAt = async (): Promise<string | null> => (await product.status()).entriesKept.saved;
    for (const isHeard of [true, false]) {
      const before = await savedAt();
      await knock('client', OPEN);
      await product.waitForLog(/accepted at ssh/, isHeard ? 1 : 2);
      await lab.waitFor(async () => (await savedAt()) !== before, 'the entry to be on disk');
      const listener = product.identity('listener');
      assert.ok(listener !== undefined);
      if (!isHeard) process.kill(listener.pid, 'SIGSTOP');
      await knock('client', [4000, 4001]);
      assert.equal(await gets('client'), false);
      if (isHeard) await product.waitForLog(/is out of filter/);
      await sleep(2_500); // two heartbeats look at the list
      assert.equal(await gets('client'), false, isHeard ? 'still' : 'nobody heard it');
      assert.deepEqual(await product.addresses('filter'), []);
    }
    assert.doesNotMatch(product.log().join('\n'), /emptied by somebody|refused/);
    const before = await savedAt();
    await product.must('accept', client);
    await lab.waitFor(async () => (await savedAt()) !== before, 'the entry to be on disk');
    await ipset(lab, 'flush');
    await product.waitForLog(/_filter[46] was emptied by somebody else: its 1 entries are back/);
    assert.deepEqual(await product.addresses('filter'), [client]);
  },
);

// Without the sentinel (decisions/0007; run once, 2026-11-21): red, client2 gets in as well.
inTurn('beside a network in the list, a knock lets in one address', {}, async (setting) => {
  const { lab, product, family, client, gets, knock } = setting;
  await product.start();
  const near = family === 4 ? '10.77.1' : 'fd77:1:';
  await product.must('accept', family === 4 ? '198.51.100.0/24' : '2001:db8:1::/64');
  await knock('client', OPEN);
  assert.equal(await gets('client'), true);
  await product.waitForLog(/accepted at ssh for 300 s/, 2);
  await product.must('flush', client);
  await killAll(setting);
  await knock('client', OPEN);
  const neighbour = family === 4 ? `${near}.77` : `${near}:77`;
  const test = await lab.exec('server', ['/usr/sbin/ipset', 'test', `ssh_filter${family}`, neighbour]);
  assert.equal(test.exitCode, 1, test.stderr);
  assert.ok((await product.addresses('filter')).includes(client));
  assert.equal((await product.list('filter')).length, 2, 'nobody sees the sentinel');
});

// With hold the port stays shut for a stranger however long a busy machine takes for what follows the kill.
const LISTENER_ALONE = { service: 'kernel_doors = no\non_failure = hold' };
inTurn('kernel_doors = no: the listener alone', LISTENER_ALONE, async (setting) => {
  const { lab, product, family, gets, knock, opens } = setting;
  await product.start();
  assert.doesNotMatch(await lab.save('server', family), /knock\./);
  assert.doesNotMatch(await ipset(lab, 'save'), /knock\.|nomatch/);
  await knock('client', OPEN);
  await opens('client');
  const [door] = (await product.status()).doors;
  assert.deepEqual([door?.kernel, door?.reasons], [[], ['[service.ssh] has kernel_doors = no']]);
  await product.must('flush', 'all');
  await killAll(setting);
  await knock('client', OPEN);
  assert.deepEqual(await product.addresses('filter'), []);
  assert.equal(await gets('client2'), false);
});

inTurn(
  'switched off by a reload, nothing of them is left',
  {},
  async ({ lab, product, family, knock, opens }) => {
    await product.start();
    writeFileSync(
      product.paths.conf,
      readFileSync(product.paths.conf, 'utf8').replace('[service.ssh]', '[service.ssh]\nkernel_doors = no'),
    );
    await product.must('reload');
    await lab.waitFor(
      async () => !/knock|nomatch/.test(await ipset(lab, 'save')),
      'sets and sentinels to go',
    );
    assert.doesNotMatch(await lab.save('server', family), /knock\./);
    await knock('client', OPEN);
    await opens('client');
  },
);

inTurn('others undo them: repaired, and still in front of all rules of ours', {}, async (setting) => {
  const { lab, product, family, gets, knock } = setting;
  await product.start();
  const first = async (): Promise<string | undefined> =>
    (await lab.save('server', family)).split('\n').find((line) => line.startsWith('-A INPUT'));
  const whole = async (): Promise<boolean> =>
    (await first())?.includes('knockctl:knock.doors') === true &&
    /-A knock\.step .* -j knock\.open/.test(await lab.save('server', family));
  const deeds = [['-F', 'knock.step'], ['-F', 'INPUT'], ['-D', 'INPUT', '1'], ['-F']];
  for (const deed of deeds) {
    await lab.iptables('server', family, deed);
    await lab.waitFor(whole, `the repair after ${deed.join(' ')}`);
  }
  await ipset(lab, 'flush');
  await lab.waitFor(
    async () => (await ipset(lab, 'save', `ssh_filter${family}`)).includes('nomatch'),
    'the sentinel to be back',
  );
  await killAll(setting);
  await knock('client', OPEN);
  assert.equal(await gets('client'), true);
});

inTurn('a trial changes no door in the kernel, and confirm does', {}, async (setting) => {
  const { lab, product, family } = setting;
  await product.start();
  edit(product, (text) => text.replace('7000,8000,9000', '7001,8001,9001'));
  const ports = async (): Promise<string | undefined> =>
    /-A knock\.doors .*--dports (\S+)/.exec(await lab.save('server', family))?.[1];
  await product.must('reload', '--trial', '60');
  assert.equal(await ports(), '1000,1001,7000,8000,9000');
  const [open, decoy] = (await product.status()).doors;
  assert.deepEqual(
    [open?.kernel, open?.reasons, decoy?.kernel],
    [[], ['the change is on trial: in the kernel after knockctl confirm'], [4, 6]],
  );
  await product.must('confirm');
  await lab.waitFor(async () => (await ports()) === '1000,1001,7001,8001,9001', 'the new ports');
});

for (const backend of inTurns(BACKENDS)) {
  test(`two instances in one namespace each have doors in the kernel (${backend})`, async () => {
    await using lab = await createLab({ backend });
    await lab.tcpEcho('server', 22);
    await lab.tcpEcho('server', 3333);
    const before = [await lab.save('server', 4), await lab.save('server', 6), await ipset(lab, 'save')];
    const ssh = new Product(lab, { conf: conf(backend, { service: 'on_failure = hold' }), doors: DOORS });
    const web = new Product(lab, {
      folder: 'web',
      conf: conf(backend).replace('[service.ssh]', '[service.webserver1]\nports = 3333\non_failure = hold'),
      doors: DOORS.replace('7000,8000,9000', '7001,8001,9001').replace('%IP%', '%IP% --service webserver1'),
    });
    await ssh.start();
    await web.start();
    await killAll({ lab, product: ssh });
    await killAll({ lab, product: web });
    const { gets, knock } = look(lab, ssh, 6);
    await knock('client', [7001, 8001, 9001]);
    assert.deepEqual([await gets('client'), await gets('client', 3333)], [false, true]);
    await web.stop();
    await knock('client2', OPEN);
    assert.equal(await gets('client2'), true);
    await ssh.stop();
    const after = [await lab.save('server', 4), await lab.save('server', 6), await ipset(lab, 'save')];
    assert.deepEqual(after, before);
  });
}

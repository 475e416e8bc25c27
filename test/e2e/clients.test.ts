/** What `knockctl client` writes, with the shells and the tools that other machines have. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';

import { inTurn } from './setting.js';

const DOORS = `[open]
sequence = 7000,8000,9000
seq_timeout = 10
tcpflags = syn
command = knockctl accept %IP%

[mixed]
sequence = 7100,8100:udp,9100
seq_timeout = 10
tcpflags = syn
command = knockctl accept %IP%
`;

/** What is advised for slow clients: on a busy machine TCP repeats a SYN before a script has sent the next knock. */
const PATIENT = { doors: DOORS, service: '[listener]\nduplicates = tolerate' };

/** A shell, the programs beside it, and a door that these can knock at. */
const MACHINES: readonly (readonly [string, readonly string[], string])[] = [
  ['/bin/dash', ['nc', 'sleep'], 'open'],
  ['/bin/dash', ['bash', 'nc', 'sleep'], 'mixed'],
  ['/bin/dash', ['nc', 'sleep'], 'mixed'],
  ['/bin/bash', ['bash', 'sleep'], 'mixed'],
  ['/bin/dash', ['curl', 'sleep'], 'open'],
  ['/bin/dash', ['python3', 'nc', 'sleep'], 'mixed'],
  ['/bin/busybox sh', ['busybox', 'nc', 'sleep'], 'open'],
  ['/bin/dash', ['telnet', 'sleep'], 'open'],
];

describe('clients for other machines', { concurrency: 2 }, () => {
  inTurn('a script knocks with what there is', PATIENT, async (setting) => {
    const { lab, product, server, gets, opens } = setting;
    await product.start();
    for (const [index, [shell, tools, door]] of MACHINES.entries()) {
      const folder = join(lab.dir, `machine${index}`);
      mkdirSync(folder);
      for (const tool of tools)
        symlinkSync(
          shell.includes('busybox') || tool === 'telnet' ? '/bin/busybox' : `/usr/bin/${tool}`,
          join(folder, tool),
        );
      const script = join(folder, 'knock.sh');
      writeFileSync(script, await product.must('client', door, '--host', server, '--shell'));
      assert.equal(await gets('client'), false, `shut before ${shell} ${tools.join(' ')}`);
      const argv = ['/usr/bin/env', '-i', `PATH=${folder}`, ...shell.split(' '), script];
      const done = await lab.exec('client', [...argv, '/bin/echo', 'then', 'a b']);
      assert.deepEqual(
        done,
        { exitCode: 0, stdout: 'then a b\n', stderr: '' },
        `${shell} ${tools.join(' ')}`,
      );
      await opens('client');
      await product.must('flush', 'filter');
    }
    const bare = join(lab.dir, 'bare');
    mkdirSync(bare);
    const script = join(lab.dir, 'machine1', 'knock.sh');
    const none = await lab.exec('client', ['/usr/bin/env', '-i', `PATH=${bare}`, '/bin/dash', script]);
    assert.deepEqual([none.exitCode, none.stdout], [69, '']);
    assert.match(none.stderr, /^knock: one of these programs is needed: nc bash telnet curl busybox\n$/);
  });

  inTurn('the file and the lines for ssh lead through the door', PATIENT, async (setting) => {
    const { lab, product, server, gets, opens } = setting;
    await product.start();
    const config = join(lab.dir, 'config', 'knock');
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, 'open'), await product.must('client', 'ssh', '--host', server), {
      mode: 0o600,
    });
    assert.equal(await gets('client'), false);
    const knock = new URL('../../app/bin/knock.js', import.meta.url).pathname;
    const env = ['/usr/bin/env', `XDG_CONFIG_HOME=${join(lab.dir, 'config')}`];
    const done = await lab.exec('client', [...env, process.execPath, knock, 'open']);
    assert.deepEqual(done, { exitCode: 0, stdout: '', stderr: '' });
    await opens('client');
    const file = join(lab.dir, 'ssh_config');
    writeFileSync(file, await product.must('client', 'ssh', '--host', server, '--ssh-config'));
    const { stdout } = await lab.exec('client', ['/usr/bin/ssh', '-G', '-F', file, 'open']);
    assert.match(stdout, new RegExp(`^hostname ${server}$`, 'm'));
    assert.match(stdout, /^port 22$/m);
    assert.match(stdout, /^proxycommand knock open --then nc %h %p$/m);
  });
});

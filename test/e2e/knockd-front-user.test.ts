/** The front by the name of knockd, as a user who may open captures and nothing else: containers of game servers run it so. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { LabProcess } from '../helpers/processes.js';
import { bareHost, KNOCKD, SERVER } from './front.js';
import type { Host } from './host.js';

const DOORS =
  '[options]\nlogfile = /run/game.log\n[resume by player]\nsequence = 8211:udp\nseq_cooldown = 60\ncommand = echo "LOGIN from %IP%" >> /run/opened\n';

function argv(capability: boolean, ...words: readonly string[]): string[] {
  const caps = capability ? ['--inh-caps=+net_raw', '--ambient-caps=+net_raw'] : ['--inh-caps=-all'];
  const user = ['--reuid=1000', '--regid=1000', '--clear-groups', ...caps];
  return ['/usr/bin/setpriv', ...user, '--', process.execPath, KNOCKD, ...words];
}

function opened(host: Host): string {
  try {
    return host.read('/run/opened');
  } catch {
    return '';
  }
}

async function knocks(host: Host, process: LabProcess): Promise<void> {
  await host.lab.waitFor(async () => {
    assert.equal(process.exitCode, undefined, `${process.stdout}${process.stderr}`);
    await host.lab.knock('client', SERVER, ['8211:udp']);
    return opened(host) !== '';
  }, 'the command of the door');
}

describe('knockd as uid 1000 with CAP_NET_RAW', () => {
  test('hears knocks, runs commands as that user, rests for seq_cooldown, ends as knockd does', async () => {
    await using host = await bareHost();
    host.write('/etc/knockd.conf', DOORS);
    await host.exec(['/bin/sh', '-c', 'umask 0; : >/run/game.log; chmod 666 /run/game.log']);
    const front = host.spawn(argv(true, '-v'));
    await knocks(host, front);
    for (let nth = 0; nth < 5; nth += 1) await host.lab.knock('client', SERVER, ['8211:udp']);
    await host.lab.waitFor(
      () => host.read('/run/game.log').includes(': resume by player: OPEN SESAME'),
      'the log',
    );
    assert.match(opened(host), /^LOGIN from [\d.]+\n$/, 'once');
    const owner = await host.exec(['/usr/bin/stat', '-c', '%u', '/run/opened']);
    assert.equal(owner.stdout.trim(), '1000');
    front.signal('SIGTERM');
    assert.equal(await front.closed, 0);
  });

  test('a service is for root, and so is a capture without the capability', async () => {
    await using host = await bareHost();
    host.write('/etc/knockd.conf', DOORS.replace(/command = .*/, 'command = knockctl accept %IP%'));
    const service = await host.exec(argv(true));
    assert.equal(service.exitCode, 77);
    assert.match(service.stderr, /ssh is a service to be protected, which is for root only/);
    const bare = await host.exec(argv(false));
    assert.equal(bare.exitCode, 77);
    assert.match(bare.stderr, /knockd is for root only\n.*CAP_NET_RAW/);
  });
});

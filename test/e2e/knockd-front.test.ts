import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { readIfExists } from '../../src/system/files.js';
import {
  bareHost,
  call,
  CLIENT,
  CLIENT6,
  door,
  front,
  gone,
  KNOCKD,
  logged,
  opened,
  opens,
  PID_FILE,
  read,
  SERVER,
  SERVER6,
} from './front.js';
import type { Host } from './host.js';

test('knockd in the foreground: quiet, no chains, a pid file; HUP and TERM as init scripts send them', async () => {
  await using host = await bareHost();
  const before = await host.lab.save('server', 4);
  host.write('/etc/knockd.conf', `[options]\nlogfile = /var/log/knockd.log\n${door(host, 7000)}`);
  const knockd = front(host, '-i', 'any');
  await logged(host, '/var/log/knockd.log', 'starting up, listening on any');
  assert.equal(host.read(PID_FILE), `${knockd.pid}\n`);
  assert.equal(statSync(`/proc/${knockd.pid}/root${PID_FILE}`).mode & 0o777, 0o644);
  assert.equal(readIfExists(`/proc/${knockd.pid}/comm`), 'knockd\n');
  await opens(host, SERVER, 7000);
  await opens(host, SERVER6, 7000);
  assert.deepEqual(opened(host), [CLIENT, CLIENT6]);
  assert.equal(await host.lab.save('server', 4), before, 'a plain knockd has no rules of its own');

  host.write('/etc/knockd.conf', `[options]\nlogfile = /var/log/knockd.log\n${door(host, 7100)}`);
  await host.exec(['/bin/sh', '-c', `kill -HUP $(cat /var/run/knockd.pid)`]);
  await logged(host, '/var/log/knockd.log', 'configuration reloaded');
  await logged(host, '/var/log/knockd.log', 're-reading config file: /etc/knockd.conf');
  await opens(host, SERVER, 7100);

  await host.exec(['/bin/sh', '-c', `kill $(cat /var/run/knockd.pid)`]);
  assert.equal(await knockd.closed, 0);
  assert.equal(read(host, PID_FILE), undefined);
  assert.equal(knockd.stdout, '', 'without -v nothing is printed');
  assert.equal(knockd.stderr, '');
});

test('knockd -d -p, started and stopped by start-stop-daemon', async () => {
  await using host = await bareHost();
  const { dir } = host.lab;
  const pidFile = `${dir}/my.pid`;
  host.write(`${dir}/x.conf`, door(host, 7000));
  const daemon = ['/sbin/start-stop-daemon', '--quiet', '--pidfile', pidFile, '--name', 'knockd'];
  const words = [KNOCKD, '-c', 'x.conf', '-d', '-p', 'my.pid', '-g', 'g.log'];
  const start = ['--start', '--chdir', dir, '--startas', process.execPath, '--', ...words];
  const status = async (): Promise<number | undefined> => (await host.exec([...daemon, '--status'])).exitCode;

  assert.equal(await status(), 3);
  const started = await host.exec([...daemon, ...start]);
  assert.deepEqual([started.exitCode, started.stdout, started.stderr], [0, '', '']);
  assert.equal(await status(), 0);
  const pid = host.read(pidFile).trim();
  await opens(host, SERVER, 7000);
  assert.equal((await host.exec([...daemon, ...start])).exitCode, 1, 'it runs');
  assert.equal((await host.exec([...daemon, '--oknodo', ...start])).exitCode, 0, 'it runs');
  assert.equal(host.read(pidFile).trim(), pid);
  const second = await call(host, '-d', '-c', `${dir}/x.conf`);
  assert.equal(second.exitCode, 1);
  assert.match(second.stderr, /^knockd: knockctl is running already/);

  // A relative path must hold in a daemon too, which works in another folder.
  host.write(`${dir}/x.conf`, door(host, 7100));
  await host.exec([...daemon, '--stop', '--signal', 'HUP']);
  await logged(host, `${dir}/g.log`, 'configuration reloaded');
  await opens(host, SERVER, 7100);
  assert.equal((await host.exec([...daemon, '--stop', '--retry', 'TERM/20'])).exitCode, 0);
  assert.equal(await status(), 3);
  assert.equal(read(host, pidFile), undefined);
  assert.equal((await logged(host, `${dir}/g.log`, 'shutting down')).at(-1), 'shutting down');
});

test('the files of init/ pass the options of /etc/default/knockd', async () => {
  await using host = await bareHost();
  const init = (name: string): string => fileURLToPath(new URL(`../../../init/${name}`, import.meta.url));
  host.write('/etc/knockd.conf', door(host, 7000));
  const wrapper = `${host.lab.dir}/knockd`;
  host.write(wrapper, `#!/bin/sh\nexec ${process.execPath} ${KNOCKD} "$@"\n`);
  await host.exec(['/bin/chmod', '755', wrapper]);
  const script = (...words: readonly string[]): ReturnType<Host['exec']> =>
    host.exec(['/bin/sh', init('knockd.sysv'), ...words]);
  const settings = `DAEMON=${wrapper}\nKNOCKD_OPTS="-i eth0  -4 -g /var/log/opts.log"\n`;

  host.write('/etc/default/knockd', `START_KNOCKD=0\n${settings}`);
  assert.match((await script('start')).stdout, /^knockd is not started/);
  host.write('/etc/default/knockd', `START_KNOCKD=1\n${settings}`);
  assert.equal((await script('start')).exitCode, 0);
  await logged(host, '/var/log/opts.log', 'starting up, listening on eth0');
  assert.equal((await script('start')).exitCode, 0, 'again: nothing to do');
  assert.equal((await script('status')).exitCode, 0);
  await opens(host, SERVER, 7000);
  host.write('/etc/knockd.conf', door(host, 7100));
  assert.equal((await script('reload')).exitCode, 0);
  await logged(host, '/var/log/opts.log', 'configuration reloaded');
  assert.equal((await script('restart')).exitCode, 0);
  await opens(host, SERVER, 7100);
  await host.lab.knock('client', SERVER6, [7100, 7101]);
  assert.equal((await script('stop')).exitCode, 0);
  assert.equal(read(host, PID_FILE), undefined);
  assert.notEqual((await script('status')).exitCode, 0);
  assert.deepEqual(opened(host), [CLIENT, CLIENT], 'no IPv6 with -4');

  // systemd splits $KNOCKD_OPTS of its unit into words, as a shell does.
  const unit = /^ExecStart=\S+ (.*)$/m.exec(host.read(init('knockd.service')))?.[1] ?? '';
  assert.equal(unit, '$KNOCKD_OPTS');
  const told = (): number => (read(host, '/var/log/opts.log') ?? '').split('starting up').length;
  const before = told();
  const run = host.spawn(['/bin/sh', '-c', `. /etc/default/knockd; exec $DAEMON ${unit}`]);
  await host.lab.waitFor(() => told() > before, 'its start');
  await opens(host, SERVER, 7100);
  await run.kill('SIGTERM');
  await gone(host);
});

test('-v, -D and faults are told in the foreground; PidFile and LogFile go before -p and -g', async () => {
  await using host = await bareHost();
  const { dir } = host.lab;
  const options = `[options]\nlogfile = ${dir}/file.log\npidfile = ${dir}/file.pid\ninterface = nosuch0\n`;
  host.write(`${dir}/x.conf`, options + door(host, 7000));
  const words = ['-c', `${dir}/x.conf`, '-i', 'eth0', '-p', `${dir}/p.pid`, '-g', `${dir}/g.log`];
  const knockd = front(host, '-D', ...words);
  await knockd.until('starting up, listening on eth0\n');
  assert.match(knockd.stdout, /^ {2}door d7000: 7000:tcp,7001:tcp runs: echo /m);
  assert.equal(host.read(`${dir}/file.pid`), `${knockd.pid}\n`);
  await opens(host, SERVER, 7000);
  await knockd.until(`${CLIENT}: d7000: OPEN SESAME\n`);
  await knockd.kill('SIGINT');
  assert.deepEqual([read(host, `${dir}/p.pid`), read(host, `${dir}/g.log`)], [undefined, undefined]);
  assert.match(host.read(`${dir}/file.log`), /OPEN SESAME/);

  host.write(`${dir}/bad.conf`, '[d\nsequence = 1\n');
  const bad = await call(host, '-d', '-c', `${dir}/bad.conf`);
  assert.equal(bad.exitCode, 78);
  assert.match(bad.stderr, /^knockd: .*bad\.conf:1: config: line 1: all directives must belong to a section/);
  assert.equal((await call(host, '-c', '/nowhere')).exitCode, 78);
  assert.equal((await call(host, '-d', '-x')).exitCode, 64);

  // The capabilities that the unit of Debian's package leaves; whoever sees nothing else must see why it ended.
  const few = ['/usr/bin/setpriv', '--bounding-set=-all,+net_raw,+net_admin,+sys_module', '--inh-caps=-all'];
  const weak = await host.exec([...few, process.execPath, KNOCKD, ...words]);
  assert.deepEqual([weak.exitCode, weak.stdout], [69, '']);
  assert.match(weak.stderr, /^error: the listener cannot work: setgroups: Operation not permitted/);

  // As knockd: a pid file that cannot be written is told, and no more. Without a place for the log it has one.
  host.write(`${dir}/y.conf`, door(host, 7000));
  const other = front(host, '-c', `${dir}/y.conf`, '-p', '/proc/x/y.pid');
  await host.lab.waitFor(() => other.stderr.includes('could not create pid file'), 'the warning');
  await logged(host, '/var/lib/knockctl/knockctl.log', 'starting up, listening on any');
  await opens(host, SERVER, 7000);
  await other.kill('SIGTERM');
});

test('where there is a knockctl.conf it counts: knockd is knockctl, and knockctl talks to it', async () => {
  await using host = await bareHost();
  const before = await host.lab.save('server', 4);
  host.write('/etc/knockctl/knockctl.conf', '[service.ssh]\n');
  host.write(
    '/etc/knockd.conf',
    '[d]\nsequence = 7000,7001\ntcpflags = syn\ncommand = knockctl accept %IP%\n',
  );
  const gets = async (): Promise<boolean> => host.lab.canConnect('client', SERVER, 22, 400);
  assert.equal((await call(host, '-d')).exitCode, 0);
  assert.equal(await gets(), false);
  await host.lab.knock('client', SERVER, [7000, 7001]);
  await host.lab.waitFor(gets, 'port 22 open');
  assert.match(await host.must('status'), /^knockctl is armed/);
  assert.match(await host.must('list'), new RegExp(`^ssh +filter +${CLIENT} `, 'm'));
  await host.must('stop');
  assert.equal(read(host, PID_FILE), undefined);
  assert.equal(await host.lab.save('server', 4), before);
});

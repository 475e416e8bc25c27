/** --then with real commands: through a door, with a terminal, ended by signals. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { FAMILIES, type Family } from '../../src/base/address.js';
import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import type { LabProcess } from '../helpers/processes.js';

const KNOCK = [process.execPath, new URL('../../app/bin/knock.js', import.meta.url).pathname];
const SERVICE = 2222;
const PORTS = ['7000', '8000', '9000'];

let lab: Lab;

before(async () => {
  lab = await createLab({ backend: 'nft' });
  await lab.tcpEcho('server', SERVICE);
  for (const family of FAMILIES) await makeDoor(family);
});

after(async () => {
  await lab.dispose();
});

/** A door of plain iptables: 7000, 8000, 9000 open the service, which refuses everybody else. */
async function makeDoor(family: Family): Promise<void> {
  const append = async (line: string): Promise<void> => {
    await lab.iptables('server', family, ['-A', ...line.split(' ')]);
  };
  const heard = (list: string): string => `-m recent --name ${list} --rcheck --seconds 10`;
  await append(`INPUT -p tcp --syn --dport 7000 -m recent --name one --set -j DROP`);
  await append(`INPUT -p tcp --syn --dport 8000 ${heard('one')} -m recent --name two --set -j DROP`);
  await append(`INPUT -p tcp --syn --dport 9000 ${heard('two')} -m recent --name three --set -j DROP`);
  await append(`INPUT -p tcp --syn --dport ${SERVICE} ${heard('three')} -j ACCEPT`);
  await append(`INPUT -p tcp --syn --dport ${SERVICE} -j REJECT --reject-with tcp-reset`);
}

/** Knocks at a closed port of the client's own, and then runs a command. */
function knockThen(...command: readonly string[]): string[] {
  return [...KNOCK, '127.0.0.1', '7000:udp', '--then', ...command];
}

for (const family of FAMILIES) {
  test(`IPv${family}: nc gets through the door that the knock has opened`, async () => {
    const server = ADDRESS.server[family];
    const nc = ['nc', '-N', '-w', '5', server, String(SERVICE)];
    const shut = await lab.exec('client', [...KNOCK, server, '7000', '9000', '--then', ...nc], {
      input: 'a\n',
    });
    assert.deepEqual([shut.exitCode, shut.stdout], [1, ''], 'refused: that is the code of nc');
    const open = await lab.exec('client', [...KNOCK, server, ...PORTS, '--then', ...nc], {
      input: 'hello\n',
    });
    assert.deepEqual([open.exitCode, open.stdout], [0, 'hello\n']);
  });
}

test('the words and the exit code are those of the command', async () => {
  const shell = 'for word; do echo "<$word>"; done; exit 7';
  const words = ['sh', '-c', shell, 'sh', '-v', '--help', '--then', '', 'a b', '$HOME', '*', '--'];
  const { exitCode, stdout, stderr } = await lab.exec('client', knockThen(...words));
  assert.deepEqual([exitCode, stderr], [7, '']);
  assert.deepEqual(stdout.split('\n'), [...words.slice(4).map((word) => `<${word}>`), '']);
});

test('what -v says comes before what the command says, and standard error is its own', async () => {
  const argv = [...KNOCK, '-v', '127.0.0.1', '7000:udp', '--then', 'sh', '-c', 'echo out; echo err >&2'];
  const done = await lab.exec('client', argv);
  assert.deepEqual(done, { exitCode: 0, stdout: 'hitting udp 127.0.0.1:7000\nout\n', stderr: 'err\n' });
});

test('127 where there is no such command, 126 where it is none, 128 + n after a signal', async () => {
  const cases = [
    [['nosuch-command'], 127, /^error: cannot run nosuch-command: there is no such program/],
    [['/nosuch/command'], 127, /^error: cannot run \/nosuch\/command: there is no such program/],
    [['/etc/passwd'], 126, /^error: cannot run \/etc\/passwd: it may not be executed/],
    [['/etc/passwd/x'], 126, /^error: cannot run \/etc\/passwd\/x: .*part of the path is not a folder/],
    [['sh', '-c', 'kill -TERM $$'], 143, /^$/],
    [['sh', '-c', 'kill -KILL $$'], 137, /^$/],
  ] as const;
  for (const [command, expected, stderr] of cases) {
    const done = await lab.exec('client', knockThen(...command));
    assert.equal(done.exitCode, expected, command.join(' '));
    assert.match(done.stderr, stderr);
  }
});

test('a knock that could not be sent: the command is not run', async () => {
  const { exitCode, stdout, stderr } = await lab.exec('server', [
    ...KNOCK,
    '10.78.0.1',
    '7',
    '--then',
    'echo',
    'x',
  ]);
  assert.deepEqual([exitCode, stdout], [1, '']);
  assert.match(
    stderr,
    /this machine has no route to it.*\nerror: echo was not run, because the sequence was not sent completely\n$/,
  );
});

/** Starts a knock whose command reads a line and exits with 7; waits until it runs. */
async function startReader(trap: string): Promise<LabProcess> {
  const child = lab.spawn(
    'client',
    knockThen('sh', '-c', `${trap}; echo pid=$$=; read line; echo "$line"; exit 7`),
  );
  await child.until('=\n');
  return child;
}

for (const [signal, expected] of [
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal} to knock reaches the command`, async () => {
    const child = await startReader(':');
    assert.equal(await child.kill(signal), expected);
    const pid = /pid=([0-9]+)=/.exec(child.stdout)?.[1] ?? '';
    const still = await lab.exec('client', ['/bin/sh', '-c', `kill -0 ${pid}`]);
    assert.notEqual(still.exitCode, 0, 'the command is gone too');
  });
}

test('knock waits for a command that ends in its own time after SIGTERM', async () => {
  const child = await startReader('trap "echo ended; exit 5" TERM');
  child.signal('SIGTERM');
  assert.equal(await child.closed, 5);
});

test('SIGINT and SIGQUIT do not end knock before its command', async () => {
  const child = await startReader(':');
  child.signal('SIGINT');
  child.signal('SIGQUIT');
  child.end('still here\n');
  assert.equal(await child.closed, 7);
  assert.match(child.stdout, /still here\n$/);
});

test('the command has the terminal, and Ctrl-C is for it', async () => {
  const command =
    'test -t 0 && test -t 1 && test -t 2 && echo terminal; trap "echo caught; exit 9" INT; echo ready; read x';
  // exec: a shell in between would take the signal too, and pass that on as its own end.
  const line = `exec ${knockThen('sh', '-c', `'${command}'`).join(' ')}`;
  const child = lab.spawn('client', ['/usr/bin/script', '-qec', line, '/dev/null']);
  await child.until('ready');
  child.write('\u0003');
  assert.equal(await child.closed, 9);
  assert.match(child.stdout, /terminal\r\n[^]*caught\r\n/);
});

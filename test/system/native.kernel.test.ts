/** The native module: what it does, what it refuses, and what is said where it cannot be loaded. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { EXIT, KnockError } from '../../src/base/errors.js';
import { load, native } from '../../src/system/native.js';
import { shipped } from '../../src/system/install-paths.js';
import { importing, runNode } from '../helpers/node-child.js';
import { TempFolder } from '../helpers/temp.js';

const NATIVE = importing('native', 'system/native.js');

/** What a datagram socket of that address receives while `act` runs, in a process of its own for Node.js has no such socket. */
async function received(address: string, text: string): Promise<string> {
  const script = `
import socket, subprocess, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', chr(0), 1))
s.settimeout(20)
print(subprocess.run(sys.argv[2:], check=True, capture_output=True, text=True).stderr, end='')
sys.stdout.buffer.write(s.recv(9000))`;
  const node = [process.execPath, '--input-type=module', '-e'];
  const code = `${NATIVE} native().notify(${JSON.stringify(address)}, ${JSON.stringify(text)});`;
  const done = spawnSync('/usr/bin/python3', ['-c', script, address, ...node, code], { encoding: 'utf8' });
  assert.equal(done.stderr, '');
  return Promise.resolve(done.stdout);
}

describe('the native module', () => {
  it('notify sends one datagram, to a path or to an abstract address', async () => {
    using folder = new TempFolder();
    assert.equal(await received(folder.file('s'), 'READY=1\nSTATUS=ü'), 'READY=1\nSTATUS=ü');
    assert.equal(await received(`@knockctl-test-${process.pid}`, 'WATCHDOG=1'), 'WATCHDOG=1');
  });

  it('notify says why it could not', () => {
    using folder = new TempFolder();
    const send = (address: string) => () => {
      native().notify(address, 'READY=1');
    };
    assert.throws(send(folder.file('none')), /^Error: sendto: No such file or directory$/);
    assert.throws(send(''), /File name too long/);
    assert.throws(send(`/${'x'.repeat(200)}`), /File name too long/);
  });

  it('changeUser clears the inheritable set too, in which systemd 257 in a container hands everything on', async () => {
    const done = await runNode(
      `${NATIVE} import { readFileSync } from 'node:fs';
       native().changeUser(65534, 65534);
       console.log([...readFileSync('/proc/self/status', 'utf8').matchAll(/^(?:Cap(?:Inh|Prm|Eff|Amb)|NoNewPrivs|Uid):.*$/gm)].join('|').replaceAll('\\t', ' '));`,
      ['/usr/bin/setpriv', '--inh-caps=+net_raw,+net_admin', '--ambient-caps=+net_raw', '--'],
    );
    const none = '0000000000000000';
    assert.equal(
      done.stdout.trim(),
      `Uid: 65534 65534 65534 65534|CapInh: ${none}|CapPrm: ${none}|CapEff: ${none}|CapAmb: ${none}|NoNewPrivs: 1`,
      done.stderr,
    );
  });

  it('changeUser takes nothing but a user and a group', () => {
    const change = native().changeUser as (...words: unknown[]) => void;
    for (const words of [[], [1], [-1, 5], [5, 2 ** 32 - 1], [1.5, 5], [NaN, 5], ['5', '5']])
      assert.throws(() => {
        change(...words);
      }, TypeError);
    assert.equal(process.getuid?.(), 0, 'nothing was changed');
  });

  it('changeUser says which call was refused', async () => {
    const code = `${NATIVE} try { native().changeUser(1, 1); } catch (error) { console.log(error.message); }`;
    const done = await runNode(code, ['/usr/bin/setpriv', '--reuid=65534', '--clear-groups', '--']);
    assert.equal(done.stdout.trim(), 'setgroups: Operation not permitted', done.stderr);
  });

  it('a module that is missing, cut off, of another platform or of another kind: one sentence, exit status 69, and what to type', () => {
    using folder = new TempFolder();
    const cases: readonly (readonly [string, (path: string) => void, RegExp])[] = [
      ['missing', () => undefined, /missing\.node: cannot open shared object file/],
      [
        'text',
        (path) => {
          writeFileSync(path, 'no library\n'.repeat(99));
        },
        /text\.node: invalid ELF header/,
      ],
      [
        'cut',
        (path) => {
          copyFileSync(shipped('native/build/knockctl.node'), path);
          truncateSync(path, 500);
        },
        /cut\.node: /,
      ],
      // An ELF file for arm64: EM_AARCH64 where the machine stands.
      [
        'arm',
        (path) => {
          writeFileSync(
            path,
            Buffer.concat([
              Buffer.from('7f454c46020101000000000000000000', 'hex'),
              Buffer.from('0300b70001000000', 'hex'),
              Buffer.alloc(200),
            ]),
          );
        },
        /arm\.node: /,
      ],
    ];
    for (const [name, make, words] of cases) {
      const path = folder.file(`${name}.node`);
      make(path);
      assert.throws(
        () => load(path),
        (error) =>
          error instanceof KnockError &&
          error.exitCode === EXIT.firewall &&
          words.test(error.message) &&
          !error.message.includes('\n') &&
          (error.hint ?? '').includes('npm rebuild'),
        name,
      );
    }
  });
});

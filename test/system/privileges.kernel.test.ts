import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { findUser, remainingPrivileges } from '../../src/system/privileges.js';
import { importing, runNode } from '../helpers/node-child.js';
import type { ExecResult } from '../helpers/processes.js';

const NO_NEW = ['/usr/bin/setpriv', '--no-new-privs', '--inh-caps=-all', '--'];

/** In a process of its own: gives up root, then does what `code` says. */
async function without(code: string, before: readonly string[] = NO_NEW): Promise<ExecResult> {
  return runNode(
    `${importing('findUser, giveUpRoot, remainingPrivileges', 'system/privileges.js')}
     import { spawnSync } from 'node:child_process';
     import { readFileSync } from 'node:fs';
     const refused = (act) => { try { act(); return 'allowed'; } catch (error) { return error.code; } };
     ${code}`,
    before,
  );
}

describe('giving up root', () => {
  it('leaves no root, no capability and no group, and no way back', async () => {
    const done = await without(`
      giveUpRoot(findUser('nobody'));
      const status = readFileSync('/proc/self/status', 'utf8');
      const run = (...argv) => spawnSync(argv[0], argv.slice(1), { encoding: 'utf8' });
      console.log(JSON.stringify({
        uid: /^Uid:\\t(.*)$/m.exec(status)[1].split('\\t'),
        gid: /^Gid:\\t(.*)$/m.exec(status)[1].split('\\t'),
        groups: /^Groups:\\t?(.*)$/m.exec(status)[1].trim(),
        caps: [...status.matchAll(/^Cap(?:Eff|Prm|Inh|Amb):\\t(.*)$/gm)].map((match) => match[1]),
        back: [() => process.setuid(0), () => process.seteuid(0), () => process.setgid(0),
               () => process.setgroups([0])].map(refused),
        suid: run('/bin/su', '-c', 'true').status === 0,
        ipset: run('/usr/sbin/ipset', 'create', 'x', 'hash:ip').status,
        shadow: refused(() => readFileSync('/etc/shadow')),
        left: remainingPrivileges(),
      }));`);
    assert.equal(done.stderr, '');
    const { uid, gid } = findUser('nobody') ?? { uid: 0, gid: 0 };
    assert.ok(uid > 0 && gid > 0);
    assert.deepEqual(JSON.parse(done.stdout), {
      uid: Array.from({ length: 4 }, () => String(uid)),
      gid: Array.from({ length: 4 }, () => String(gid)),
      groups: '',
      caps: Array.from({ length: 4 }, () => '0000000000000000'),
      back: ['EPERM', 'EPERM', 'EPERM', 'EPERM'],
      suid: false,
      ipset: 1,
      shadow: 'EACCES',
      left: [],
    });
  });

  it('is not believed where something is left', async () => {
    const code = "try { giveUpRoot(findUser('nobody')); } catch (error) { console.log(error.message); }";
    assert.match(
      (await without(code, [])).stdout,
      /^privileges are left after giving up root: NoNewPrivs=0$/m,
    );
  });

  it('is believed with an inheritable set in other threads, as systemd 257 hands it on, where no_new_privs holds', async () => {
    const code = `giveUpRoot(findUser('nobody')); console.log(JSON.stringify(remainingPrivileges()));
      const { readdirSync } = await import('node:fs');
      const sets = readdirSync('/proc/self/task').map((id) => /^CapInh:\\t(.*)$/m.exec(readFileSync('/proc/self/task/' + id + '/status', 'utf8'))[1]);
      console.log(new Set(sets).size);`;
    const inheritable = ['/usr/bin/setpriv', '--inh-caps=+net_raw', '--no-new-privs', '--'];
    assert.equal((await without(code, inheritable)).stdout, '[]\n2\n');
    assert.match(
      (
        await without(
          code,
          inheritable.filter((word) => word !== '--no-new-privs'),
        )
      ).stderr,
      /privileges are left after giving up root: CapInh=0+2000, NoNewPrivs=0/,
    );
  });

  it('is refused where the user is root, by name or by number', async () => {
    for (const user of ['root', '0:1000', '1000:0']) {
      const code = `try { giveUpRoot(findUser('${user}')); } catch (error) { console.log(error.message); }`;
      assert.match((await without(code)).stdout, /the listener must not run as root/);
    }
  });

  it('remainingPrivileges sees root', () => {
    const left = remainingPrivileges();
    assert.ok(left.some((text) => text.startsWith('CapEff=')));
    assert.ok(left.includes('setuid(0)'));
  });

  it('findUser looks in /etc/passwd, or takes numbers', () => {
    assert.deepEqual(findUser('root'), { uid: 0, gid: 0 });
    assert.deepEqual(findUser('12:34'), { uid: 12, gid: 34 });
    for (const name of ['', 'no-such-user', '12', '-1:-1', 'nobody:x', 'root\n']) {
      assert.equal(findUser(name), undefined);
    }
  });
});

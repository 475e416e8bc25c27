import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { systemExec } from '../../../src/system/exec.js';
import { KernelSpace } from '../../helpers/kernel-space.js';
import { importing, runNode } from '../../helpers/node-child.js';

/** Runs a command as root of a user namespace whose network was made before its ids were mapped (older LXC). */
const UNMAPPED = `
import ctypes, os, sys
r, w = os.pipe(); r2, w2 = os.pipe()
pid = os.fork()
if pid == 0:
    ctypes.CDLL(None).unshare(0x10000000 | 0x40000000)
    os.write(w, b'x'); os.read(r2, 1)
    os.setresgid(0, 0, 0); os.setresuid(0, 0, 0)
    os.execv(sys.argv[1], sys.argv[1:])
os.read(r, 1)
for name in ('uid_map', 'gid_map'):
    with open(f'/proc/{pid}/{name}', 'w') as file: file.write('0 100000 65536')
os.write(w2, b'x')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** What is chosen in the space: its name, and why. */
async function choose(space: KernelSpace, wanted = 'auto'): Promise<readonly [string, string]> {
  const code = `${importing('chooseBackend', 'firewall/rules/backend.js')}${importing('systemExec', 'system/exec.js')}
    const { name, reason, tools } = await chooseBackend(systemExec, '${wanted}');
    const right = [4, 6].every((family) => Object.values(tools[family]).every((path) =>
      path.startsWith('/') && path.includes(family === 4 ? '/iptables-' + name : '/ip6tables-' + name)));
    console.log(JSON.stringify([name, right ? reason : 'wrong tools']));`;
  const done = await runNode(code, space.inside);
  assert.equal(done.stderr, '');
  const parsed: unknown = JSON.parse(done.stdout);
  assert.ok(Array.isArray(parsed));
  return [String(parsed[0]), String(parsed[1])];
}

describe('the back end', () => {
  it('is the one that the host has its rules in', async () => {
    for (const backend of ['nft', 'legacy'] as const) {
      for (const [rule, family] of [
        ['-A INPUT -j ACCEPT', 6],
        ['-N mine', 4],
        ['-P FORWARD DROP', 4],
      ] as const) {
        await using space = new KernelSpace();
        await space.iptables(backend, family, rule);
        assert.deepEqual(await choose(space), [backend, `this host has its rules in ${backend}`], rule);
      }
    }
  });

  it('is iptables’ own where there are no rules, or rules in both', async () => {
    await using space = new KernelSpace();
    const own = (await space.must('iptables --version')).includes('legacy') ? 'legacy' : 'nft';
    const expected = [own, 'the host’s iptables command is this one'];
    assert.deepEqual(await choose(space), expected);
    await space.iptables('legacy', 4, '-P INPUT ACCEPT'); // a table, but no rule
    assert.deepEqual(await choose(space), expected);
    await space.iptables('legacy', 4, '-A INPUT -j ACCEPT');
    await space.iptables('nft', 4, '-A INPUT -j ACCEPT');
    assert.deepEqual(await choose(space), expected);
  });

  it('is the one that was asked for, whatever the host has', async () => {
    await using space = new KernelSpace();
    await space.iptables('nft', 4, '-A INPUT -j ACCEPT');
    assert.deepEqual(await choose(space, 'legacy'), ['legacy', 'backend = legacy']);
    assert.deepEqual(await choose(space, 'nft'), ['nft', 'backend = nft']);
  });

  it('is found where the list of tables cannot be read: a network made before its user namespace had ids', async () => {
    // Red without it: EACCES: permission denied, open '/proc/net/ip_tables_names'.
    const code = `${importing('chooseBackend, hasLegacyTables', 'firewall/rules/backend.js')}${importing('systemExec', 'system/exec.js')}
      import { readFileSync } from 'node:fs';
      let code; try { readFileSync('/proc/net/ip_tables_names'); } catch (error) { code = error.code; }
      const { name } = await chooseBackend(systemExec, 'auto');
      console.log(JSON.stringify([code, hasLegacyTables(4), hasLegacyTables(6), name]));`;
    const done = await runNode(code, ['/usr/bin/python3', '-c', UNMAPPED]);
    assert.equal(done.exitCode, 0, done.stderr);
    const own = (await systemExec(['/usr/sbin/iptables', '--version'])).stdout.includes('legacy');
    assert.deepEqual(JSON.parse(done.stdout), ['EACCES', false, false, own ? 'legacy' : 'nft']);
  });

  it('is looked for without making tables', async () => {
    await using space = new KernelSpace();
    await choose(space);
    assert.equal(await space.must('nft list ruleset'), '');
    assert.equal((await space.exec(['/bin/cat', '/proc/net/ip_tables_names'])).stdout, '');
  });
});

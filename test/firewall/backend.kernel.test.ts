import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { KernelSpace } from '../helpers/kernel-space.js';
import { importing, runNode } from '../helpers/node-child.js';

/** What is chosen in the space: its name, and why. */
async function choose(space: KernelSpace, wanted = 'auto'): Promise<readonly [string, string]> {
  const code = `${importing('chooseBackend', 'firewall/backend.js')}${importing('systemExec', 'system/exec.js')}
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

  it('is looked for without making tables', async () => {
    await using space = new KernelSpace();
    await choose(space);
    assert.equal(await space.must('nft list ruleset'), '');
    assert.equal((await space.exec(['/bin/cat', '/proc/net/ip_tables_names'])).stdout, '');
  });
});

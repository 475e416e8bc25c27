/** Kernels, and iptables, that lack a match: detected, replaced where there is something else, and told. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { describe, it } from 'node:test';

import { FAMILIES, type Family } from '../../../src/base/address.js';
import { BACKENDS } from '../../../src/firewall/model/backend-name.js';
import { namedBackend } from '../../../src/firewall/rules/backend.js';
import { probeReadable } from '../../../src/firewall/rules/readable-probe.js';
import { ALL_READABLE, readableNotes, type Readable } from '../../../src/firewall/model/readable.js';
import type { Exec } from '../../../src/system/exec.js';
import { KernelSpace, SERVICE } from '../../helpers/kernel-space.js';

const LIBRARIES = [
  '/usr/lib/x86_64-linux-gnu/xtables',
  '/usr/lib/aarch64-linux-gnu/xtables',
  '/usr/lib/xtables',
];

/** The tools of a machine whose iptables has no such extensions: to it the kernel lacks them. */
function lacking(space: KernelSpace, ...names: readonly string[]): Exec {
  const from = LIBRARIES.find((folder) => isThere(folder));
  assert.ok(from !== undefined, 'the extensions of iptables');
  const folder = `${space.dir}/xtables-${names.join('-')}`;
  cpSync(from, folder, { recursive: true });
  for (const name of names) {
    for (const prefix of ['libxt', 'libip6t']) rmSync(`${folder}/${prefix}_${name}.so`, { force: true });
  }
  return async (argv, options) => space.exec(['/usr/bin/env', `XTABLES_LIBDIR=${folder}`, ...argv], options);
}

function isThere(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

for (const name of BACKENDS) {
  describe(`what the kernel has to read packets with, on ${name}`, () => {
    const probe = async (exec: Exec): Promise<ReadonlyMap<Family, Readable>> =>
      probeReadable(exec, namedBackend(name, 'test'), FAMILIES);

    it('all of it here, and asking leaves nothing behind', async () => {
      await using space = new KernelSpace();
      assert.deepEqual([...(await probe(space.exec)).values()], [ALL_READABLE, ALL_READABLE]);
      assert.deepEqual(readableNotes(await probe(space.exec)), []);
      for (const family of FAMILIES) assert.doesNotMatch(await space.save(name, family), /knockctl_probe/);
    });

    // Red if the line of @REASSEMBLE@ is fixed to -m socket.
    it('without socket: conntrack, and the rules are loaded all the same', async () => {
      await using space = new KernelSpace();
      const exec = lacking(space, 'socket');
      const readable = await probe(exec);
      assert.equal(readable.get(6)?.reassemble, 'conntrack');
      assert.match(readableNotes(readable).join('\n'), /^IPv4: the match socket .*\nIPv6: the match socket /);
      const firewall = space.firewall(name, [SERVICE], { exec, readable });
      await firewall.repair();
      assert.deepEqual(await firewall.repair(), []);
      for (const family of FAMILIES) {
        assert.match(
          await space.save(name, family),
          /-A ssh_reassemble -m conntrack --ctstate INVALID -j RETURN/,
        );
      }
      assert.deepEqual(await firewall.remove(), []);
    });

    // Red on legacy without NO_LOCK: all is taken to be there.
    it('and asks no lock for it', async () => {
      await using space = new KernelSpace();
      const exec = lacking(space, 'socket');
      const holder = spawn('/usr/bin/flock', ['/run/xtables.lock', '/bin/sh', '-c', 'echo held; exec cat']);
      try {
        await once(holder.stdout, 'data');
        assert.equal((await probe(exec)).get(4)?.reassemble, 'conntrack');
      } finally {
        holder.stdin.end();
        await once(holder, 'exit');
      }
    });

    it('without any of it: told which module to load, and the port is shut to what can be read', async () => {
      await using space = new KernelSpace();
      const exec = lacking(space, 'socket', 'conntrack', 'frag', 'rt', 'u32');
      const readable = await probe(exec);
      assert.deepEqual(readable.get(6), {
        reassemble: undefined,
        fragment: false,
        routed: false,
        headers: false,
      });
      const notes = readableNotes(readable).join('\n');
      for (const module of ['xt_socket', 'ip6t_frag', 'ip6t_rt', 'xt_u32'])
        assert.match(notes, new RegExp(module));
      const firewall = space.firewall(name, [SERVICE], { exec, readable });
      await firewall.repair();
      assert.deepEqual(await firewall.repair(), []);
    });
  });
}

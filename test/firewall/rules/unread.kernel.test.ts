/** A save that is no answer, on both back ends, while all other programs work: ours are read, repaired and taken out another way. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Exec, ExecResult } from '../../../src/system/exec.js';
import { KernelSpace, SERVICE } from '../../helpers/kernel-space.js';
import { allInForce, FAMILIES, withForeign } from './foreign.js';

/** What a save may come to; undefined: it is as it should be. */
type Spoilt = ((whole: ExecResult) => ExecResult) | undefined;

const SPOILT: Readonly<Record<string, NonNullable<Spoilt>>> = {
  'prints nothing': (whole) => ({ ...whole, stdout: '' }),
  'prints a comment': (whole) => ({ ...whole, stdout: '# something is incompatible\n' }),
  'is cut short': (whole) => ({ ...whole, stdout: whole.stdout.slice(0, whole.stdout.indexOf('COMMIT')) }),
  'fails half-way': (whole) => ({ exitCode: 3, stdout: whole.stdout.slice(0, 90), stderr: 'cannot parse\n' }),
};

class Saves {
  how: Spoilt;

  exec(space: KernelSpace): Exec {
    return async (argv, options) => {
      const result = await space.exec(argv, options);
      const isSave = argv.some((word) => word.endsWith('-save'));
      return isSave && this.how !== undefined ? this.how(result) : result;
    };
  }
}

for (const backend of ['nft', 'legacy'] as const) {
  describe(`a save of ${backend}`, () => {
    for (const [what, how] of Object.entries(SPOILT)) {
      // With isWholeSave always true (run once, 2026-11-30): red, a second jump and chains "missing".
      it(`that ${what}: nothing is taken for missing, what is missing is put back, and all goes`, async () => {
        await using space = new KernelSpace();
        const saves = await withForeign(space, backend);
        const before = await saves();
        const spoil = new Saves();
        const firewall = space.firewall(backend, [SERVICE], { exec: spoil.exec(space) });
        await firewall.prepare();
        await firewall.repair();
        const right = await saves();
        spoil.how = how;
        assert.deepEqual(await firewall.repair(), []);
        assert.deepEqual([...firewall.unread.keys()], [4, 6]);
        assert.ok(await allInForce(firewall));
        assert.deepEqual(await saves(), right);
        for (const family of FAMILIES) {
          await space.iptables(backend, family, '-F ssh_policy');
          assert.match((await firewall.repair()).join(), /^chain ssh_policy was changed \(IPv[46]\)$/);
        }
        assert.deepEqual(await saves(), right);
        spoil.how = undefined;
        assert.deepEqual(await firewall.repair(), [], 'no other form is taken for a change');
        assert.deepEqual([...firewall.unread.keys()], []);
        spoil.how = how;
        // A life that has seen none of it.
        const other = space.firewall(backend, [SERVICE], { exec: spoil.exec(space) });
        assert.equal(await other.isActive(), true);
        await other.prepare();
        assert.deepEqual(await other.repair(), []);
        assert.deepEqual(await other.remove(), []);
        assert.deepEqual(await saves(), before);
      });
    }
  });
}

it('a rule of nft beside rules of legacy: the one is told, the other is none of it', async () => {
  await using space = new KernelSpace();
  await space.iptables('legacy', 4, '-A INPUT -p tcp --dport 9 -j DROP');
  const firewall = space.firewall('nft');
  await firewall.prepare();
  await firewall.repair();
  await space.must('/usr/sbin/nft insert rule ip filter INPUT ct state established accept');
  assert.deepEqual(await firewall.repair(), []);
  assert.deepEqual([...firewall.unread.keys()], [4]);
  assert.ok(await allInForce(firewall));
  const legacy = await space.save('legacy', 4);
  assert.deepEqual(await firewall.remove(), []);
  assert.equal(await space.save('legacy', 4), legacy);
  assert.doesNotMatch(await space.must('/usr/sbin/nft list ruleset'), /ssh_/);
});

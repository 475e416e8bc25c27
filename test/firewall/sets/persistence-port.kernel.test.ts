import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { SERVICE, KernelSpace } from '../../helpers/kernel-space.js';
import { importing, nodeArgv } from '../../helpers/node-child.js';
import { LabProcess } from '../../helpers/processes.js';

const ENTRIES = 20_000;
const LISTS = [
  'ssh_alive',
  ...['banned', 'decoyed', 'filter', 'granted', 'trusted'].flatMap((list) => [
    `ssh_${list}4`,
    `ssh_${list}6`,
  ]),
];

/** A process that makes the sets, or puts back the one that was emptied, from a memory of 20,000 entries. */
const code = (job: string): string => `
${importing('SetStore', 'firewall/sets/set-store.js')}${importing('NO_MEMORY', 'firewall/sets/persistence-port.js')}
${importing('IpsetChannel, ipsetStarter', 'firewall/sets/ipset-channel.js')}${importing('Ipset', 'firewall/sets/ipset.js')}${importing('systemExec', 'system/exec.js')}
const entries = Array.from({ length: ${ENTRIES} }, (_, index) => ({
  network: { family: 4, prefix: 32, text: '198.' + (18 + (index >> 16)) + '.' + ((index >> 8) & 255) + '.' + (index & 255) },
  timeoutS: 3600,
  origin: 'cli',
}));
const all = { count: entries.length, entries: () => entries };
const memory = { ...NO_MEMORY, recall: async (set) => set === 'ssh_filter4' ? all : { count: 0, entries: () => [] } };
const channel = new IpsetChannel(ipsetStarter('/usr/bin/stdbuf', '/usr/sbin/ipset'));
const sets = new SetStore(new Ipset(systemExec, '/usr/sbin/ipset', channel), memory);
console.log('begun');
${job}
console.log('done');`;

interface Found {
  readonly names: readonly string[];
  readonly filter: number;
  /** Entries of ssh_filter4 that nobody gave, or without a time. */
  readonly wrong: readonly string[];
}

async function look(space: KernelSpace): Promise<Found> {
  const saved = await space.must('ipset save');
  const filter = saved.split('\n').filter((line) => line.startsWith('add ssh_filter4 '));
  return {
    names: [...saved.matchAll(/^create (\S+)/gm)].map(([, name]) => name ?? ''),
    filter: filter.length,
    wrong: filter.filter((line) => !/ 198\.18\.\d+\.\d+ timeout 3[56]\d\d comment "cli"$/.test(line)),
  };
}

/** Runs the job, and kills it after a while that differs from round to round; false where it was done before. */
async function killed(space: KernelSpace, job: string, afterMs: number): Promise<boolean> {
  const child = new LabProcess([...space.inside, ...nodeArgv(code(job))]);
  await child.until('begun');
  await sleep(afterMs);
  const done = child.stdout.includes('done');
  await child.kill();
  await sleep(150); // an ipset that is still there reads what it has been given, to the end
  return !done;
}

describe(`sets made and put back from a memory (${SERVICE.name})`, () => {
  // Red where sets are filled under their own names: one is found with a part of its entries.
  it('killed at any point, a set is whole or not there; the next life makes it', async () => {
    await using space = new KernelSpace();
    let cut = 0;
    for (let round = 0; round < 16; round += 1) {
      if (await killed(space, `await sets.ensure('ssh');`, round * 12)) cut += 1;
      const found = await look(space);
      if (found.names.includes('ssh_filter4')) assert.equal(found.filter, ENTRIES, `round ${round}`);
      assert.deepEqual(found.wrong, []);
      await space.must('ipset destroy', '').catch(() => '');
    }
    assert.ok(cut > 2, `killed in the middle only ${cut} times`);
    await killed(space, `await sets.ensure('ssh');`, 60);
    const child = new LabProcess([
      ...space.inside,
      ...nodeArgv(code(`await sets.ensure('ssh'); await sets.close();`)),
    ]);
    assert.equal(await child.closed, 0, child.describe());
    const found = await look(space);
    assert.deepEqual(
      [...found.names].sort(),
      [...LISTS].sort(),
      'no set of a life that was cut short is left',
    );
    assert.equal(found.filter, ENTRIES);
  });

  it('put back while rules name the set: all or nothing, killed at any point', async () => {
    await using space = new KernelSpace();
    const sets = space.sets();
    await sets.ensure('ssh');
    await space.iptables('nft', 4, '-A FORWARD -m set --match-set ssh_filter4 src -j ACCEPT');
    for (let round = 0; round < 10; round += 1) {
      await killed(space, `await sets.refill('ssh_filter4', all);`, round * 15);
      const found = await look(space);
      assert.ok([0, ENTRIES].includes(found.filter), `round ${round}: ${found.filter} entries`);
      assert.deepEqual(found.wrong, []);
      await space.must('ipset flush ssh_filter4');
    }
    await space.iptables('nft', 4, '-F FORWARD');
    await sets.destroy('ssh');
    assert.deepEqual((await look(space)).names, [], 'nothing is left, under any name');
  });
});

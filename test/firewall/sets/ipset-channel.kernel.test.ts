import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { IpsetChannel } from '../../../src/firewall/sets/ipset-channel.js';
import { identify } from '../../../src/system/process.js';
import { KernelSpace } from '../../helpers/kernel-space.js';
import { waitFor } from '../../helpers/wait.js';
import { Control, nowMs } from '../../helpers/promise.js';

describe('the channel, with ipset itself', () => {
  it('acknowledges, and tells an error of the line that it belongs to', async () => {
    await using space = new KernelSpace();
    const channel = new IpsetChannel(space.startIpset);
    await channel.run('create s hash:net timeout 0 comment');
    const results = await Promise.allSettled(
      [
        'add s 192.0.2.1 timeout 5',
        'add nowhere 192.0.2.2',
        'add s 192.0.2.1 bogus',
        'add s 192.0.2.3',
        'add s ::1',
      ].map(async (line) => channel.run(line)),
    );
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? 'done' : String(result.reason))),
      [
        'done',
        'CommandError: ipset add nowhere 192.0.2.2 failed with status 1: ipset v7.17: The set with the given name does not exist',
        "CommandError: ipset add s 192.0.2.1 bogus failed with status 1: ipset v7.17: Unknown argument: `bogus'\nTry `ipset help' for more information.",
        'done',
        'CommandError: ipset add s ::1 failed with status 1: ipset v7.17: Syntax error: cannot parse ::1: resolving to IPv4 address failed',
      ],
    );
    assert.match(await channel.run('test s 192.0.2.1'), /is in set s/);
    assert.match(await channel.run('test s 192.0.2.9'), /is NOT in set s/);
    await channel.run('add s 192.0.2.1 timeout 1000');
    assert.match(await channel.run('list s'), /192\.0\.2\.1 timeout (?:9\d\d|1000)$/m);
    await channel.close();
  });

  it('starts again after kill -9, with nothing lost that was acknowledged', async () => {
    await using space = new KernelSpace();
    const pids: number[] = [];
    const channel = new IpsetChannel(() => {
      const child = space.startIpset();
      pids.push(child.pid ?? 0);
      return child;
    });
    await channel.run('create s hash:ip');
    await channel.run('add s 192.0.2.1');
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await waitFor(() => identify(pids[0] ?? 0) === undefined, 'its end');
    await channel.run('add s 192.0.2.2');
    assert.equal(pids.length, 2);
    assert.match(await space.must('ipset list -t s'), /^Number of entries: 2$/m);
    await channel.close();
  });

  it('carries out 10,000 lines', async () => {
    await using space = new KernelSpace();
    const channel = new IpsetChannel(space.startIpset);
    await channel.run('create s hash:net maxelem 65536 timeout 0');
    await using control = await Control.start();
    const beganMs = nowMs();
    const lines = Array.from(
      { length: 10_000 },
      (_, at) => `add s 10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`,
    );
    await Promise.all(lines.map(async (line) => channel.run(line)));
    control.keeps('10,000 lines', beganMs, nowMs() - beganMs, 5_000);
    assert.match(await space.must('ipset list -t s'), /^Number of entries: 10000$/m);
    await channel.close();
  });
});

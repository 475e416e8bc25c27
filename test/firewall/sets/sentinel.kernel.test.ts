import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { sentinelLine, withoutSentinel } from '../../../src/firewall/sets/sentinel.js';
import { KernelSpace } from '../../helpers/kernel-space.js';

describe('the sentinel', () => {
  it('makes a rule add the address alone, matches nothing, and is nobody’s entry', async () => {
    await using space = new KernelSpace();
    await space.must('/usr/bin/ip link set lo up');
    for (const [family, inet, wide, own] of [
      [4, 'inet', '10.0.0.0/8', '127.0.0.1'],
      [6, 'inet6', 'fd00::/8', '::1'],
    ] as const) {
      const set = `ssh_filter${family}`;
      await space.must(`ipset create ${set} hash:net family ${inet} timeout 0 comment`);
      await space.must(`ipset add ${set} ${wide}`);
      const tool = family === 4 ? 'iptables-nft' : 'ip6tables-nft';
      await space.must(
        `${tool} -A INPUT -p udp --dport 7000 -j SET --add-set ${set} src --exist --timeout 300`,
      );
      const send = async (): Promise<string[]> => {
        const socket = `socket.socket(socket.AF_INET${family === 6 ? '6' : ''},socket.SOCK_DGRAM)`;
        await space.must(`/usr/bin/python3 -c import\tsocket;${socket}.sendto(b"x",("${own}",7000))`);
        const saved = await space.must(`ipset save ${set}`);
        const lines = withoutSentinel(saved)
          .split('\n')
          .filter((line) => line.startsWith('add '));
        return lines.map((line) => line.split(' ')[2] ?? '').sort();
      };
      // The danger that it is there for: a whole network lets itself in.
      const alone = await send();
      assert.ok(
        alone.some((text) => text.endsWith('/8') && text !== wide),
        alone.join(),
      );
      await space.must(`ipset flush ${set}`);
      await space.must(`ipset add ${set} ${wide}`);
      await space.must(`ipset ${sentinelLine(set, family)}`);
      assert.deepEqual(await send(), [own, wide].sort());
      const line = (await space.must(`ipset save ${set}`)).split('\n').find((one) => one.includes('nomatch'));
      assert.ok(line !== undefined);
      assert.equal(withoutSentinel(`${line}\n`), '', line);
      const sentinel = line.split(' ')[2] ?? '';
      const { exitCode } = await space.exec(['/usr/sbin/ipset', 'test', set, sentinel]);
      assert.equal(exitCode, 1);
    }
  });
});

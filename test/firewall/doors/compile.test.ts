import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compileDoors, type CompileSettings } from '../../../src/firewall/doors/compile.js';
import type { Placement } from '../../../src/firewall/doors/qualify.js';
import { sentinelLine, withoutSentinel } from '../../../src/firewall/doors/sentinel.js';
import { door } from '../../knock/support.js';
import { KernelSpace } from '../../helpers/kernel-space.js';

const SETTINGS: CompileSettings = {
  family: 4,
  instance: 'knock',
  interfaces: ['any'],
  duplicates: 'strict',
  sources: 1024,
};
const OPEN: Placement = {
  door: door('7000,8000,9000', { name: 'open' }),
  action: { verb: 'accept', service: 'ssh', timeoutS: 300 },
};
const SHELL: Placement = {
  door: door('1,2', { name: 'shell' }),
  reason: 'its command is a line for the shell',
};
const TRAP: Placement = {
  door: door('23', { name: 'trap' }),
  action: { verb: 'drop', bans: [{ service: 'ssh', timeoutS: 0 }] },
};

describe('what doors compile to', () => {
  it('nothing, where no door opens in the kernel', () => {
    for (const placements of [[], [SHELL]]) {
      const { sets, rules, doors, touched } = compileDoors(placements, SETTINGS);
      assert.deepEqual([sets, [...rules.chains], rules.jumps, doors, touched], [[], [], [], [], []]);
    }
  });

  it('a chain a door whose last rule counts the knocks, and the sets that need a sentinel', () => {
    const { doors, rules, touched } = compileDoors([SHELL, OPEN, TRAP], SETTINGS);
    assert.deepEqual(
      doors.map(({ door: { name }, chain }) => [name, rules.chains.get(chain)?.at(-1)]),
      [
        ['open', '-j SET --add-set ssh_filter4 src --exist --timeout 300'],
        ['trap', '-j SET --del-set ssh_filter4 src'],
      ],
    );
    assert.deepEqual(touched, ['ssh_banned4', 'ssh_filter4']);
  });

  it('for a door of the listener what it takes to follow it, so that who is on the way there begins nothing here', () => {
    const { sets, rules } = compileDoors([OPEN, SHELL], SETTINGS);
    const base = /^(knock\.shell\.\w{4})_window4$/;
    const name = sets.map((set) => base.exec(set.name)?.[1]).find((found) => found !== undefined);
    assert.ok(name !== undefined);
    assert.ok(!rules.chains.has(`${name}_open`));
    assert.deepEqual(rules.chains.get(name), [
      '-p tcp -m tcp ! --tcp-flags SYN SYN -j RETURN',
      `-p tcp -m tcp --dport 2 -g ${name}_end`,
      `-g ${name}_end`,
    ]);
  });
});

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

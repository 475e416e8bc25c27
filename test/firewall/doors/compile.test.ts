import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compileDoors, type CompileSettings } from '../../../src/firewall/doors/compile.js';
import type { Placement } from '../../../src/firewall/doors/eligibility.js';
import { door } from '../../knock/support.js';

const SETTINGS: CompileSettings = {
  family: 4,
  instance: 'knock',
  interfaces: ['any'],
  duplicates: 'strict',
  sources: 1024,
};
const OPEN: Placement = {
  door: door('7000,8000,9000', { name: 'open' }),
  action: { verb: 'accept', service: 'ssh', timeoutS: 300, lifts: false },
};
const SHELL: Placement = {
  door: door('1,2', { name: 'shell' }),
  reason: 'its command is a line for the shell',
};
const TRAP: Placement = {
  door: door('23', { name: 'trap' }),
  action: { verb: 'drop', bans: [{ service: 'ssh', timeoutS: 0, renews: true }] },
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
        ['trap', '-j SET --add-set ssh_decoyed4 src --exist --timeout 0'],
      ],
    );
    assert.deepEqual(touched, ['ssh_decoyed4', 'ssh_filter4']);
  });

  it('who is let in is banned by no door; a shorter ban shortens none; impossible sources count nowhere', () => {
    const bans = [{ service: 'ssh', timeoutS: 3, renews: false }];
    const { rules } = compileDoors([{ ...TRAP, action: { verb: 'drop', bans } }], SETTINGS);
    const chains = [...rules.chains];
    assert.deepEqual(chains.find(([name]) => name.endsWith('_open'))?.[1], [
      '-m set --match-set ssh_trusted4 src -j RETURN',
      '-m set --match-set ssh_granted4 src -j RETURN',
      '-m set --match-set ssh_filter4 src -j RETURN',
      '-j SET --add-set ssh_decoyed4 src --timeout 3',
    ]);
    assert.equal(rules.chains.get('knock.step')?.[0], '-m addrtype ! --src-type UNICAST -j RETURN');
  });

  it('a shorter knock does not renew: that would shorten a longer grant', () => {
    const action = { verb: 'accept', service: 'ssh', timeoutS: 3, lifts: false, keeps: true } as const;
    const { rules, doors } = compileDoors([{ door: OPEN.door, action }], SETTINGS);
    assert.equal(
      rules.chains.get(doors[0]?.chain ?? '')?.at(-1),
      '-j SET --add-set ssh_filter4 src --timeout 3',
    );
  });

  it('a knock lets in nobody whom a door has banned, or lifts that ban where the service has it so', () => {
    for (const [lifts, first] of [
      [false, '-m set --match-set ssh_decoyed4 src -j RETURN'],
      [true, '-j SET --del-set ssh_decoyed4 src'],
    ] as const) {
      const action = { verb: 'accept', service: 'ssh', timeoutS: 300, lifts } as const;
      const { rules, doors } = compileDoors([{ door: OPEN.door, action }], SETTINGS);
      assert.equal(rules.chains.get(doors[0]?.chain ?? '')?.[1], first);
    }
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

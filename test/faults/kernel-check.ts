import assert from 'node:assert/strict';

import type { Family } from '../../src/base/address.js';
import type { Lab } from '../helpers/lab.js';
import { FAMILIES } from '../e2e-faults/setting.js';
import { SWITCH_S } from './row.js';
import type { Scene } from './scene.js';

/** All lines of ours in the saved rules of a family, as a start that was not disturbed makes them. */
export type Shape = ReadonlyMap<Family, readonly string[]>;

const JUMP = 'knockctl:ssh';

async function ours(lab: Lab, family: Family): Promise<readonly string[]> {
  const text = await lab.save('server', family);
  return text.split('\n').filter((line) => line.includes('ssh_') || line.includes('knock.'));
}

/** To be taken while armed. */
export async function shapeOf({ lab }: Scene): Promise<Shape> {
  const shape = new Map<Family, readonly string[]>();
  for (const family of FAMILIES) shape.set(family, await ours(lab, family));
  return shape;
}

/**
 * What must hold in the kernel whenever somebody of ours has died: in each family either nothing that a packet
 * could meet, or the whole; and the switch runs out within switch_timeout. True where a jump is in.
 */
export async function checkKernel({ lab }: Scene, shape: Shape): Promise<boolean> {
  let inForce = false;
  for (const family of FAMILIES) {
    const lines = await ours(lab, family);
    const whole = shape.get(family) ?? [];
    if (lines.some((line) => line.includes(JUMP))) {
      inForce = true;
      assert.deepEqual(lines, whole, `a jump to something half-made, IPv${family}`);
    } else {
      const known = new Set(whole);
      const strange = lines.filter((line) => !known.has(line));
      assert.deepEqual(strange, [], `IPv${family}`);
      const chains = lines.filter((line) => line.startsWith(':')).length;
      const unjumped = whole.filter((line) => !line.includes('knockctl:'));
      assert.ok(chains === 0 || lines.length === unjumped.length, `mixed: ${lines.join('\n')}`);
    }
  }
  const { stdout } = await lab.exec('server', ['/usr/sbin/ipset', 'save', 'ssh_alive']);
  const left = [...stdout.matchAll(/^add .* timeout (\d+)$/gm)].map((match) => Number(match[1]));
  assert.equal(stdout.match(/^add /gm)?.length ?? 0, left.length, 'the switch is fed for ever');
  for (const seconds of left)
    assert.ok(seconds > 0 && seconds <= SWITCH_S, `fed for ${seconds} s (0: for ever)`);
  return inForce;
}

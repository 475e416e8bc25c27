import type { Family } from '../../src/base/address.js';
import type { Backend } from '../helpers/lab.js';
import type { Scene } from './scene.js';

/** switch_timeout of QUICK. */
export const SWITCH_S = 3;

/** What a row measured; verdicts are given by throwing. */
export interface Measured {
  /** From the fault to what was promised. */
  readonly ms?: number;
  /** What the promise allows for it. */
  readonly limitMs?: number;
  /** What the control process lost in the same time: allowed besides. */
  readonly lostMs?: number;
  /** What a number does not say. */
  readonly words?: string;
}

/** One row of the table of faults (failsafe.md, "Faults to test for real"); above 30: rows of our own. */
export interface Row {
  readonly number: number;
  readonly fault: string;
  readonly promise: string;
  /** The fault touches rules or sets: it is caused with doors in the kernel too. */
  readonly touchesRules?: true;
  /** Where the family makes no difference, or the row itself looks at both, the full run takes one. */
  readonly families?: 'one' | 'both';
  /** Full counts in the first combination only: it takes many minutes, and the others a sample. */
  readonly fullOnce?: boolean;
  /** The combinations of the sample in `npm test`, where one of any kind will not do. */
  readonly sample?: readonly Combination[];
  /** knockd.conf; DOORS of setting.ts by default. */
  readonly doors?: string;
  /** knockctl.conf behind [paths]; `ssh(backend)` of setting.ts by default. */
  readonly conf?: (backend: Backend) => string;
  readonly trusted?: string;
  /** Before the start, and before the kernel's state is taken that stop must bring back. */
  readonly prepare?: (scene: Scene) => Promise<void>;
  /** The row starts the product itself. */
  readonly unstarted?: boolean;
  /** Causes the fault and checks the promise: throws where it is broken. */
  readonly run: (scene: Scene) => Promise<Measured>;
}

export interface Combination {
  readonly backend: Backend;
  readonly family: Family;
  /** With doors in the kernel. */
  readonly kernelDoors?: true;
}

export const COMBINATIONS: readonly [Combination, Combination, Combination, Combination] = [
  { backend: 'nft', family: 4 },
  { backend: 'legacy', family: 6 },
  { backend: 'legacy', family: 4 },
  { backend: 'nft', family: 6 },
];

/** The combinations of a full run of a row. */
export function combinationsOf(row: Row): readonly Combination[] {
  const without = row.families === 'one' ? COMBINATIONS.slice(0, 2) : COMBINATIONS;
  if (row.touchesRules !== true) return without;
  return [...without, ...COMBINATIONS.slice(0, 2).map((combination) => withDoors(combination))];
}

/** The same with doors in the kernel. */
export function withDoors(combination: Combination): Combination {
  return { ...combination, kernelDoors: true };
}

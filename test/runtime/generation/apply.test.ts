import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  applyGeneration,
  APPLY_MODES,
  STEPS,
  type ApplyMode,
} from '../../../src/runtime/generation/apply.js';
import type { Generation } from '../../../src/runtime/generation/generation.js';
import { readInventory, type Inventory } from '../../../src/firewall/ownership/inventory.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { TempFolder } from '../../helpers/temp.js';

/** Two steps that a mode has are in this order; pairs of steps, by what would happen otherwise. */
const ORDER = [
  ['record', 'stage', 'what is made and not recorded is left behind by a crash'],
  ['stage', 'commit', 'a jump leads to a chain that is not whole'],
  ['stage', 'copy', 'there is no set to copy into'],
  ['require', 'hand over', 'a configuration that protects nothing is in force'],
  ['copy', 'hand over', 'an address that was let in is not'],
  ['hand over', 'commit', 'rules of doors that no listener hears'],
  ['trust', 'commit', 'a trusted address is shut out for a moment'],
  ['feed', 'commit', 'the port is open to everybody for a moment'],
  ['commit', 'begin', 'the new version is not there when the trial begins'],
  ['commit', 'prune', 'a jump leads to a chain that is gone'],
] as const;

describe('the table of steps', () => {
  for (const mode of APPLY_MODES) {
    it(`${mode}: each step once, in the safe order`, () => {
      const steps: readonly string[] = STEPS[mode];
      assert.equal(new Set(steps).size, steps.length);
      for (const [first, second, otherwise] of ORDER) {
        const [at, after] = [steps.indexOf(first), steps.indexOf(second)];
        assert.ok(at < 0 || after < 0 || at < after, `${first} before ${second}: ${otherwise}`);
      }
      for (const needed of ['record', 'stage', 'trust']) assert.ok(steps.includes(needed), needed);
    });
  }

  it('only a listener that hears commits the jumps of a start', () => {
    for (const mode of ['fresh', 'adopt'] as const) assert.ok(!STEPS[mode].includes('commit'));
  });
});

/** A generation whose parts only say what was asked of them; `fails` is the one that fails. */
class Fake {
  readonly log: string[] = [];
  readonly folder = new TempFolder();
  readonly clock = new FakeClock();
  recorded: Inventory | undefined;
  readonly generation: Generation;

  constructor(fails?: string) {
    const say = async (name: string): Promise<void> => {
      this.log.push(name);
      await Promise.resolve();
      if (name === fails) throw new Error(`${name} failed`);
    };
    const firewall = {
      ...{ services: [], names: ['ssh'], orphanServices: [], places: [], families: [], gatedFamilies: [] },
      missingParentChains: [],
      recordOrphans: () => undefined,
      tables: { exists: async () => Promise.resolve(true) },
      sets: { disown: async () => Promise.resolve(new Map()) },
      prepare: async () => {
        this.recorded = readInventory(this.folder.file('kernel.json'));
        return say('stage');
      },
      feed: async () => say('feed'),
      repair: async () => say('commit'),
      trial: {
        chains: [],
        reset: async () => say('copy'),
        copyTrusted: async () => Promise.resolve(),
        begin: async (seconds: number) => say(`begin ${seconds}`),
      },
    };
    this.generation = {
      firewall,
      config: { settings: { failsafe: { switchTimeoutS: 30 } } },
      trusted: { apply: async () => say('trust') },
    } as unknown as Generation;
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }

  async apply(mode: ApplyMode): Promise<void> {
    await applyGeneration(this.generation, mode, {
      places: {
        inventory: this.folder.file('kernel.json'),
        snapshots: this.folder.file('snapshots'),
        supervised: true,
      },
      journal: { record: () => undefined },
      clock: this.clock,
      trialS: 60,
      handOver: async () => {
        this.log.push('hand over');
        return Promise.resolve();
      },
      resolve: async () => {
        this.log.push('resolve');
        return Promise.resolve();
      },
    });
  }
}

describe('applying a generation', () => {
  const DONE: Readonly<Record<ApplyMode, readonly string[]>> = {
    fresh: ['stage', 'trust'],
    adopt: ['stage', 'trust'],
    replace: ['stage', 'hand over', 'trust', 'feed', 'commit'],
    candidate: ['stage', 'copy', 'hand over', 'trust', 'feed', 'commit', 'begin 60'],
    confirm: ['trust', 'stage', 'commit'],
    setup: ['stage', 'trust', 'resolve', 'commit'],
  };
  for (const mode of APPLY_MODES) {
    it(`${mode}: does its steps one after the other, and has recorded what it makes before it makes it`, async () => {
      using fake = new Fake();
      await fake.apply(mode);
      assert.deepEqual(fake.log, DONE[mode]);
      assert.deepEqual(fake.recorded?.services, ['ssh']);
    });
  }

  it('ends at the first step that fails', async () => {
    using fake = new Fake('copy');
    await assert.rejects(fake.apply('candidate'), /copy failed/);
    assert.deepEqual(fake.log, ['stage', 'copy']);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { SerialQueue } from '../../../src/base/serial-queue.js';
import { loadConfig } from '../../../src/config/load.js';
import { runPaths } from '../../../src/config/paths.js';
import type { Config } from '../../../src/config/settings.js';
import type { Generation } from '../../../src/runtime/generation/generation.js';
import type { Journal } from '../../../src/runtime/journal/journal.js';
import type { Change, Reload } from '../../../src/supervisor/lifecycle/reload.js';
import { Trials } from '../../../src/supervisor/lifecycle/trial.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { TempFolder } from '../../helpers/temp.js';

const TEMPLATE = { file: '/t', text: '' };

function configOf(folder: TempFolder, ports: string): Config {
  const paths = `[paths]\ndoors = /d\ntrusted = /l\nrun = ${folder.file('run')}\nstate = ${folder.path}\n`;
  return loadConfig({ file: '/c' }, (path) =>
    path === '/c' ? `${paths}[service.ssh]\nports = ${ports}\n` : '',
  );
}

/** Trials over a kernel timer that the test sets, and a reload that only swaps the configuration. */
class Scene implements Disposable {
  readonly clock = new FakeClock();
  readonly folder = new TempFolder();
  readonly log: string[] = [];
  readonly reloads: Change[] = [];
  /** What the kernel's timer has left; undefined: it has gone back. */
  left: number | undefined = 60;
  fails = false;
  readonly old = configOf(this.folder, '22');
  readonly fresh = configOf(this.folder, '23');
  config = this.old;
  readonly trials: Trials;

  constructor() {
    const current = (): Generation =>
      ({
        config: this.config,
        firewall: {
          template: TEMPLATE,
          trial: {
            secondsLeft: async () => Promise.resolve(this.left),
            makePermanent: async () => {
              this.left = undefined;
              return Promise.reject(new Error('the kernel refuses'));
            },
          },
        },
      }) as unknown as Generation;
    const reload = {
      to: async (change: Change) => {
        await Promise.resolve();
        if (this.fails) throw new Error('the reload failed');
        this.reloads.push(change);
        this.config = change.config;
      },
    };
    this.trials = new Trials({
      paths: runPaths(this.old.settings.paths),
      clock: this.clock,
      journal: { record: (_kind: string, text: string) => void this.log.push(text) } as unknown as Journal,
      queue: new SerialQueue(),
      reload: reload as unknown as Reload,
      active: {
        get current() {
          return current();
        },
      },
    });
  }

  /** Lets the clock go on, and everything that follows be done. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      this.clock.advance(1_000);
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  [Symbol.dispose](): void {
    this.trials[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}

describe('a trial', () => {
  it('follows the kernel when its time is over, and not before', async () => {
    using scene = new Scene();
    await scene.trials.begin(scene.fresh, TEMPLATE, 60);
    assert.equal(scene.config, scene.fresh);
    await scene.pass(30);
    assert.equal(scene.config, scene.fresh);
    scene.left = undefined;
    scene.clock.advance(31_000);
    await scene.pass(6);
    assert.equal(scene.config, scene.old);
    assert.match(scene.log.at(-1) ?? '', /^the trial is over, not confirmed within 60 s: /);
    assert.match(scene.trials.unconfirmed ?? '', /not confirmed: the files on disk are not in force/);
  });

  it('says so when somebody takes its timer out', async () => {
    using scene = new Scene();
    await scene.trials.begin(scene.fresh, TEMPLATE, 60);
    scene.left = undefined;
    await scene.pass(6);
    assert.equal(scene.config, scene.old);
    assert.match(scene.log.at(-1) ?? '', /^the trial is over, its timer was taken out of the kernel: /);
  });

  it('tries again to follow the kernel until that succeeds', async () => {
    using scene = new Scene();
    await scene.trials.begin(scene.fresh, TEMPLATE, 60);
    scene.left = undefined;
    scene.fails = true;
    await scene.pass(12);
    assert.equal(scene.config, scene.fresh);
    assert.match(scene.log.at(-1) ?? '', /could not follow yet: the reload failed/);
    scene.fails = false;
    await scene.pass(6);
    assert.equal(scene.config, scene.old);
  });

  it('refuses other changes meanwhile, and a confirmation that comes too late', async () => {
    using scene = new Scene();
    await scene.trials.begin(scene.fresh, TEMPLATE, 60);
    await assert.rejects(scene.trials.begin(scene.old, TEMPLATE, 60), /a change is on trial until/);
    await assert.rejects(
      scene.trials.forGood(async () => Promise.resolve()),
      /a change is on trial until/,
    );
    scene.left = undefined;
    await assert.rejects(scene.trials.confirm(), /^KnockError: too late/);
  });

  it('that cannot begin leaves no record, and nothing to follow', async () => {
    using scene = new Scene();
    scene.fails = true;
    await assert.rejects(scene.trials.begin(scene.fresh, TEMPLATE, 60), /the reload failed/);
    assert.equal(scene.trials.unconfirmed, null);
    assert.equal(scene.clock.timers, 0);
    await assert.rejects(scene.trials.confirm(), /nothing is on trial/);
  });

  it('is not confirmed if the kernel refuses that', async () => {
    using scene = new Scene();
    await scene.trials.begin(scene.fresh, TEMPLATE, 60);
    await assert.rejects(scene.trials.confirm(), /the kernel refuses/);
    await scene.pass(6);
    assert.equal(scene.config, scene.old);
  });

  it('of a start is refused beside rules of a previous run, and without a service', () => {
    using scene = new Scene();
    const { trials, fresh } = scene;
    const start = (config: Config, adopted: boolean) => (): void => {
      trials.recordStart(config, TEMPLATE, 60, adopted);
    };
    assert.throws(start(fresh, true), /rules of a previous run are in force/);
    assert.equal(trials.unconfirmed, null);
    start(fresh, false)();
    assert.notEqual(trials.unconfirmed, null);
    trials.neverBegan();
    assert.equal(trials.unconfirmed, null);
  });
});

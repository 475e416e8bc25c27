import { EXIT, KnockError } from '../../base/errors.js';
import type { Firewall } from '../../firewall/firewall.js';
import type { RunPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import type { Template } from '../../firewall/rules/template.js';
import { NO_RULES } from '../../firewall/trial/trial.js';
import type { StartOutcome } from '../../system/notify.js';
import { AwaitedChains, refuseMissing } from '../failsafe/missing-chains.js';
import { DriftWatch, type MonitorStarter } from '../failsafe/ruleset-monitor.js';
import { Ear } from '../listener/controller.js';
import { Engine, type StateInfo } from '../failsafe/controller.js';
import { ExposureKeeper } from '../failsafe/exposure-monitor.js';
import type { Guard } from '../failsafe/reconciler.js';
import { KernelKnocks, kernelKnocksPath } from '../../runtime/generation/knock-counters.js';
import { presentInterfaces } from '../listener/interfaces.js';
import { isInForce, kernelPlaces, settle, tidyUp } from '../../runtime/generation/apply.js';
import type { ListenerKeeper } from '../listener/listener-supervisor.js';
import type { ListenerStarter } from '../launch/listener-child.js';
import { feeds, type State } from '../failsafe/state-machine.js';
import { listenerless } from '../../runtime/doors/kernel-recognition.js';
import { Reload } from './reload.js';
import { Rhythm } from './scheduler.js';
import { StartReport } from './start-report.js';
import { takeDown, type Ending } from './teardown.js';
import { TrialKeeper } from './trial.js';
import { makeLasting, makeWorld, type Lasting, type World, type WorldParts } from '../../runtime/generation/generation.js';

export interface SupervisorParts extends WorldParts {
  readonly config: Config;
  /** Instead of the rule template on disk. */
  readonly template?: Template | undefined;
  /** The rules are on trial: what is built meets no packet before that begins, and is to last for so many seconds. */
  readonly trialS?: number | undefined;
  readonly paths: RunPaths;
  /** The rules were looked at: whoever watches over us may know that we live. */
  readonly looked: () => void;
  /** A state was entered: in words. */
  readonly entered: (text: string) => void;
  readonly startListener: ListenerStarter;
  readonly startMonitor: MonitorStarter;
}

/** What it means to end where another supervisor goes on with the rules. */
const KEPT = 'our rules stay in force, for the next supervisor';

/** The service as a whole: brings it up, keeps it in order, goes over to a new configuration, takes it down. */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #engine: Engine;
  readonly #rhythm: Rhythm;
  readonly #ear: Ear;
  readonly #drift: DriftWatch;
  readonly #reload: Reload;
  readonly lasting: Lasting;
  readonly trials: TrialKeeper;
  /** Tells what stands between us and the world. */
  readonly exposures: ExposureKeeper;
  readonly #report = new StartReport();
  #notes: readonly string[] = [];
  readonly #kernelKnocks: KernelKnocks;
  #world: World | undefined;
  /** Until we know that nothing of ours was in force, a start that fails takes nothing out. */
  #adopted = true;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    const { clock, journal, paths } = parts;
    const world = (): World => this.world;
    this.lasting = makeLasting(paths, parts, world);
    this.#kernelKnocks = kernelKnocks(parts);
    this.#ear = new Ear({
      ...parts,
      oneTime: this.lasting.oneTime,
      world,
      event: (event, reason) => {
        if (event === 'listener-lost') this.#kernelKnocks.listenerLost();
        this.guard.distrust();
        this.#engine.event(event, reason);
      },
      heard: () => {
        this.guard.distrust();
      },
      refused: (reason) => this.#refuse(reason),
    });
    const awaited = new AwaitedChains(journal);
    const touched = (culprit: string | undefined): void => {
      engine.guard.touched(culprit);
    };
    const drift = new DriftWatch({ start: parts.startMonitor, clock, journal, touched });
    this.#drift = drift;
    const firewall = (): Firewall => this.world.firewall;
    const witness = (): string | undefined => drift.witness();
    const engine = new Engine({
      ...{ clock, journal, firewall, witness, looked: parts.looked },
      gated: async () => firewall().gated(),
      authors: drift.authors(() => firewall().backend.name),
      failsafe: () => this.world.config.settings.failsafe,
      listener: () => this.listener,
      listenerless: () => this.#listenerless,
      verified: () => {
        const { unprovenMs = Infinity } = this.listener;
        this.#kernelKnocks.look(this.world.firewall.knocks, clock.nowMs(), unprovenMs);
        awaited.look(this.world.firewall.awaited);
        this.exposures.look();
      },
      entered: this.#entered.bind(this),
    });
    this.#engine = engine;
    this.exposures = new ExposureKeeper({
      ...{ journal, firewall, witness, state: () => this.state, tell: parts.entered },
    });
    const { entries } = this.lasting;
    this.#rhythm = new Rhythm({ clock, journal, engine, world, entries, exposures: this.exposures });
    this.#reload = new Reload({
      ...parts,
      ...{ engine, world, lasting: this.lasting, listener: this.listener },
      take: (fresh) => {
        this.#world = fresh;
      },
      attend: this.#attend.bind(this),
    });
    this.trials = new TrialKeeper({ paths, clock, journal, engine, world, reload: this.#reload });
  }

  get listener(): ListenerKeeper {
    return this.#ear.listener;
  }

  get state(): StateInfo {
    return this.#engine.info;
  }

  /** Names of the services that a fight has left shut, by their second gates. */
  get held(): readonly string[] {
    return this.#engine.held;
  }

  /** The world in force. Throws before the start. */
  get world(): World {
    if (this.#world === undefined)
      throw new KnockError('the supervisor is not running yet', { exitCode: EXIT.busy });
    return this.#world;
  }

  /** On trial the kernel has the doors of before; and by an interface that is not there it hears no knock either. */
  get #listenerless(): ReadonlySet<string> {
    const { config, firewall } = this.world;
    const isHeard = presentInterfaces(config.settings.listener.interfaces).length > 0;
    return isHeard && firewall.trial === undefined ? listenerless(config) : new Set();
  }

  /** What keeps the rules as they should be. */
  get guard(): Guard {
    return this.#engine.guard;
  }

  /** What whoever has started it must hear. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** When the health check comes next. */
  get nextCheck(): Date | undefined {
    return this.#rhythm.nextCheck;
  }

  /** Starts, and tells how it went once the service is armed or has failed. Rejects where nothing could be built. */
  async start(): Promise<StartOutcome> {
    const outcome = this.#report.wait();
    this.#engine.event('start', 'started');
    await this.#engine.queued(async () => this.#build());
    if (this.state.state === 'preparing') {
      await this.#ear.start();
      this.#attend(this.world);
    }
    return outcome;
  }

  /** Ends. `keep`: what is in the kernel stays, for a supervisor that takes over. Gives what had to be left. */
  async stop(reason: string, keep: boolean): Promise<string[]> {
    const fed = feeds(this.state.state);
    const means = keep ? KEPT : undefined;
    this.#engine.event('stop', reason, means);
    this.#endWatching();
    // Queued: a start that is being built is built before it is taken down.
    const left = await this.#engine.queued(async () => this.#takeDown({ keep, fed }));
    for (const text of left) this.#parts.journal.record('firewall', text, {}, 'warn');
    this.#engine.event('removed', reason, means);
    const text = `stopped before it was armed: ${reason}`;
    this.#report.tell({ exitCode: EXIT.refused, text, goesOn: false });
    return left;
  }

  /** The end is near: that the listener goes is nothing to be told, or mended. */
  hearNoMore(): void {
    this.#ear.listener.stop();
  }

  /** Another supervisor has taken over: ends what goes on by itself, and touches neither the kernel nor a file. */
  leave(reason: string): void {
    this.#engine.event('stop', reason, KEPT);
    this.#endWatching();
    this.#world?.trusted.retire();
    this.lasting.entries.close();
    this.#report.tell({ exitCode: EXIT.refused, text: reason, goesOn: false });
  }

  /** After a start that failed half-way: takes out what it built. What an earlier life left stays in force. */
  async abandon(reason: string): Promise<void> {
    this.trials.neverBegan();
    if (this.#world === undefined) return;
    await this.stop(reason, this.#adopted);
  }

  /** Goes over to a new configuration, or stays with the old one as it was. */
  async reload(config: Config): Promise<void> {
    await this.#reload.to({ config });
    this.trials.forget();
  }

  async #build(): Promise<void> {
    const { clock, config, journal, paths, template, trialS } = this.#parts;
    const before = trialS === undefined ? undefined : NO_RULES;
    const world = await makeWorld(config, { ...this.#parts, ...this.lasting }, { template, before });
    this.#world = world;
    this.#ear.endOrphan();
    this.#adopted = await isInForce(world.firewall, config.settings.paths.run);
    if (trialS !== undefined) {
      if (this.#adopted) throw inForceAlready();
      this.trials.noteStart(config, world.firewall.template, trialS);
    }
    if (this.#adopted) {
      journal.record('firewall', 'rules of an earlier life are in force: adopted as they are');
      this.#kernelKnocks.tell(world.firewall.knocks, 'since a supervisor last looked');
    }
    this.#notes = await settle(world.firewall, this.#adopted, kernelPlaces(config, paths), journal, clock);
    // What an earlier life protects stays so, whatever has become of one chain: status tells it.
    if (!this.#adopted) refuseMissing(world.firewall.awaited);
    await world.trusted.apply();
    this.lasting.stops.takeUp();
  }

  #attend({ config: { settings }, firewall }: World): void {
    this.#drift.watch(firewall);
    this.#rhythm.begin(settings);
    this.lasting.entries.begin(firewall.names);
  }

  #armed(): void {
    this.#ear.armed();
    const { firewall, config } = this.world;
    const { journal } = this.#parts;
    void this.#engine.queued(async () => tidyUp(firewall, config.settings.paths.run, journal));
  }

  #entered(state: State, problem: unknown): void {
    if (problem === undefined && feeds(state)) this.exposures.look();
    this.#parts.entered(this.exposures.stateText);
    if (state === 'armed' && problem === undefined) this.#armed();
    this.#report.entered(state, this.state.reason, problem, this.#adopted);
  }

  #endWatching(): void {
    this.#rhythm.end();
    this.#drift.end();
    this.#engine[Symbol.dispose]();
    this.trials[Symbol.dispose]();
    this.#ear.stop();
  }

  async #takeDown(ending: Ending): Promise<string[]> {
    if (this.#world === undefined) return [];
    if (ending.keep) {
      await this.#world.firewall.isMet();
      this.#kernelKnocks.note(this.#world.firewall.knocks);
    }
    return takeDown(this.#world, ending, { ...this.#parts, lasting: this.lasting });
  }

  /** Nothing is shut yet: better no start than one that cannot hear a knock. */
  #refuse(text: string): boolean {
    if (this.state.state !== 'preparing' || this.#adopted) return false;
    this.#report.tell({ exitCode: EXIT.firewall, text, goesOn: false });
    return true;
  }
}

function inForceAlready(): KnockError {
  return new KnockError(
    'rules of an earlier start are in force, which a start on trial could not go back to',
    {
      hint: 'knockctl start, then knockctl reload --trial S; or knockctl stop first',
    },
  );
}

function kernelKnocks({ config, journal }: SupervisorParts): KernelKnocks {
  return new KernelKnocks({ path: kernelKnocksPath(config.settings.paths.run), journal });
}

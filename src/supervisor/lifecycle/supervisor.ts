import { EXIT, KnockError } from '../../base/errors.js';
import type { Firewall } from '../../firewall/firewall.js';
import type { RunPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import type { Template } from '../../firewall/rules/template.js';
import { NO_RULES } from '../../firewall/trial/trial.js';
import type { StartOutcome } from '../../system/notify.js';
import { MissingParentChains, refuseMissing } from '../failsafe/missing-chains.js';
import { RulesetMonitor, type MonitorStarter } from '../failsafe/ruleset-monitor.js';
import { ListenerController } from '../listener/controller.js';
import { FailsafeController, type StateInfo } from '../failsafe/controller.js';
import { ExposureMonitor } from '../failsafe/exposure-monitor.js';
import type { Reconciler } from '../failsafe/reconciler.js';
import { KnockCounters, knockCountersPath } from '../../runtime/generation/knock-counters.js';
import { presentInterfaces } from '../listener/interfaces.js';
import { isActive, kernelPlaces, stage, pruneOrphans } from '../../runtime/generation/apply.js';
import type { ListenerSupervisor } from '../listener/listener-supervisor.js';
import type { ListenerStarter } from '../launch/listener-child.js';
import { feeds, type State } from '../failsafe/state-machine.js';
import { listenerless } from '../../runtime/doors/kernel-recognition.js';
import { Reload } from './reload.js';
import { Scheduler } from './scheduler.js';
import { StartReport } from './start-report.js';
import { teardown, type TeardownOptions } from './teardown.js';
import { Trials } from './trial.js';
import {
  makePersistentState,
  makeGeneration,
  type PersistentState,
  type Generation,
  type GenerationParts,
} from '../../runtime/generation/generation.js';

export interface SupervisorParts extends GenerationParts {
  readonly config: Config;
  /** Instead of the rule template on disk. */
  readonly template?: Template | undefined;
  /** The rules are on trial: what is built meets no packet before that begins, and is to last for so many seconds. */
  readonly trialS?: number | undefined;
  readonly paths: RunPaths;
  /** The rules were looked at: whoever watches over us may know that we live. */
  readonly onVerifyAttempt: () => void;
  /** A state was entered: in words. */
  readonly onStateText: (text: string) => void;
  readonly startListener: ListenerStarter;
  readonly startMonitor: MonitorStarter;
}

/** What it means to end where another supervisor goes on with the rules. */
const KEPT = 'our rules stay in force, for the next supervisor';

/** The service as a whole: brings it up, keeps it in order, goes over to a new configuration, takes it down. */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #failsafe: FailsafeController;
  readonly #scheduler: Scheduler;
  readonly #listenerController: ListenerController;
  readonly #rulesetMonitor: RulesetMonitor;
  readonly #reload: Reload;
  readonly persistent: PersistentState;
  readonly trials: Trials;
  /** Tells what stands between us and the world. */
  readonly exposures: ExposureMonitor;
  readonly #report = new StartReport();
  #notes: readonly string[] = [];
  readonly #knockCounters: KnockCounters;
  #generation: Generation | undefined;
  /** Until we know that nothing of ours was in force, a start that fails takes nothing out. */
  #adopted = true;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    const { clock, journal, paths } = parts;
    const generation = (): Generation => this.world;
    this.persistent = makePersistentState(paths, parts, generation);
    this.#knockCounters = kernelKnocks(parts);
    this.#listenerController = new ListenerController({
      ...parts,
      oneTime: this.persistent.oneTime,
      generation: generation,
      event: (event, reason) => {
        if (event === 'listener-lost') this.#knockCounters.listenerLost();
        this.reconciler.invalidate();
        this.#failsafe.event(event, reason);
      },
      onKnock: () => {
        this.reconciler.invalidate();
      },
      refused: (reason) => this.#refuse(reason),
    });
    const awaited = new MissingParentChains(journal);
    const touched = (culprit: string | undefined): void => {
      engine.reconciler.onExternalChange(culprit);
    };
    const drift = new RulesetMonitor({
      start: parts.startMonitor,
      clock,
      journal,
      onExternalChange: touched,
    });
    this.#rulesetMonitor = drift;
    const firewall = (): Firewall => this.world.firewall;
    const witness = (): string | undefined => drift.revision();
    const engine = new FailsafeController({
      ...{ clock, journal, firewall, rulesetRevision: witness, onVerifyAttempt: parts.onVerifyAttempt },
      gated: async () => firewall().gated(),
      authors: drift.authors(() => firewall().backend.name),
      failsafe: () => this.world.config.settings.failsafe,
      listener: () => this.listener,
      listenerless: () => this.#listenerless,
      onVerified: () => {
        const { lastProofAgeMs: unprovenMs = Infinity } = this.listener;
        this.#knockCounters.update(this.world.firewall.knocks, clock.nowMs(), unprovenMs);
        awaited.check(this.world.firewall.missingParentChains);
        this.exposures.check();
      },
      onEntered: this.#entered.bind(this),
    });
    this.#failsafe = engine;
    this.exposures = new ExposureMonitor({
      ...{
        journal,
        firewall,
        rulesetRevision: witness,
        state: () => this.state,
        onChange: parts.onStateText,
      },
    });
    const { entries } = this.persistent;
    this.#scheduler = new Scheduler({
      clock,
      journal,
      failsafe: engine,
      generation: generation,
      entries,
      exposures: this.exposures,
    });
    this.#reload = new Reload({
      ...parts,
      ...{ failsafe: engine, generation: generation, persistent: this.persistent, listener: this.listener },
      swap: (fresh) => {
        this.#generation = fresh;
      },
      onSwap: this.#onSwap.bind(this),
    });
    this.trials = new Trials({
      paths,
      clock,
      journal,
      failsafe: engine,
      generation: generation,
      reload: this.#reload,
    });
  }

  get listener(): ListenerSupervisor {
    return this.#listenerController.listener;
  }

  get state(): StateInfo {
    return this.#failsafe.info;
  }

  /** Names of the services that a fight has left shut, by their second gates. */
  get held(): readonly string[] {
    return this.#failsafe.held;
  }

  /** The world in force. Throws before the start. */
  get world(): Generation {
    if (this.#generation === undefined)
      throw new KnockError('the supervisor is not running yet', { exitCode: EXIT.busy });
    return this.#generation;
  }

  /** On trial the kernel has the doors of before; and by an interface that is not there it hears no knock either. */
  get #listenerless(): ReadonlySet<string> {
    const { config, firewall } = this.world;
    const isHeard = presentInterfaces(config.settings.listener.interfaces).length > 0;
    return isHeard && firewall.trial === undefined ? listenerless(config) : new Set();
  }

  /** What keeps the rules as they should be. */
  get reconciler(): Reconciler {
    return this.#failsafe.reconciler;
  }

  /** What whoever has started it must hear. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** When the health check comes next. */
  get nextCheck(): Date | undefined {
    return this.#scheduler.nextCheck;
  }

  /** Starts, and tells how it went once the service is armed or has failed. Rejects where nothing could be built. */
  async start(): Promise<StartOutcome> {
    const outcome = this.#report.wait();
    this.#failsafe.event('start', 'started');
    await this.#failsafe.queued(async () => this.#build());
    if (this.state.state === 'preparing') {
      await this.#listenerController.start();
      this.#onSwap(this.world);
    }
    return outcome;
  }

  /** Ends. `keep`: what is in the kernel stays, for a supervisor that takes over. Gives what had to be left. */
  async stop(reason: string, keep: boolean): Promise<string[]> {
    const fed = feeds(this.state.state);
    const means = keep ? KEPT : undefined;
    this.#failsafe.event('stop', reason, means);
    this.#stopWatching();
    // Queued: a start that is being built is built before it is taken down.
    const left = await this.#failsafe.queued(async () => this.#teardown({ keep, wasFed: fed }));
    for (const text of left) this.#parts.journal.record('firewall', text, {}, 'warn');
    this.#failsafe.event('removed', reason, means);
    const text = `stopped before it was armed: ${reason}`;
    this.#report.tell({ exitCode: EXIT.refused, text, keepsRunning: false });
    return left;
  }

  /** The end is near: that the listener goes is nothing to be told, or fixed. */
  stopListener(): void {
    this.#listenerController.listener.stop();
  }

  /** Another supervisor has taken over: ends what goes on by itself, and touches neither the kernel nor a file. */
  detach(reason: string): void {
    this.#failsafe.event('stop', reason, KEPT);
    this.#stopWatching();
    this.#generation?.trusted.retire();
    this.persistent.entries.close();
    this.#report.tell({ exitCode: EXIT.refused, text: reason, keepsRunning: false });
  }

  /** After a start that failed half-way: takes out what it built. What an earlier life left stays in force. */
  async abandon(reason: string): Promise<void> {
    this.trials.neverBegan();
    if (this.#generation === undefined) return;
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
    const world = await makeGeneration(config, { ...this.#parts, ...this.persistent }, { template, before });
    this.#generation = world;
    this.#listenerController.killOrphan();
    this.#adopted = await isActive(world.firewall, config.settings.paths.run);
    if (trialS !== undefined) {
      if (this.#adopted) throw inForceAlready();
      this.trials.recordStart(config, world.firewall.template, trialS);
    }
    if (this.#adopted) {
      journal.record('firewall', 'rules of an earlier life are in force: adopted as they are');
      this.#knockCounters.reportNow(world.firewall.knocks, 'since a supervisor last looked');
    }
    this.#notes = await stage(world.firewall, this.#adopted, kernelPlaces(config, paths), journal, clock);
    // What an earlier life protects stays so, whatever has become of one chain: status tells it.
    if (!this.#adopted) refuseMissing(world.firewall.missingParentChains);
    await world.trusted.apply();
    this.persistent.stops.resume();
  }

  #onSwap({ config: { settings }, firewall }: Generation): void {
    this.#rulesetMonitor.watch(firewall);
    this.#scheduler.begin(settings);
    this.persistent.entries.adoptServices(firewall.names);
  }

  #completeStart(): void {
    this.#listenerController.onArmed();
    const { firewall, config } = this.world;
    const { journal } = this.#parts;
    void this.#failsafe.queued(async () => pruneOrphans(firewall, config.settings.paths.run, journal));
  }

  #entered(state: State, problem: unknown): void {
    if (problem === undefined && feeds(state)) this.exposures.check();
    this.#parts.onStateText(this.exposures.stateText);
    if (state === 'armed' && problem === undefined) this.#completeStart();
    this.#report.entered(state, this.state.reason, problem, this.#adopted);
  }

  #stopWatching(): void {
    this.#scheduler.end();
    this.#rulesetMonitor.end();
    this.#failsafe[Symbol.dispose]();
    this.trials[Symbol.dispose]();
    this.#listenerController.stop();
  }

  async #teardown(ending: TeardownOptions): Promise<string[]> {
    if (this.#generation === undefined) return [];
    if (ending.keep) {
      await this.#generation.firewall.isActive();
      this.#knockCounters.save(this.#generation.firewall.knocks);
    }
    return teardown(this.#generation, ending, { ...this.#parts, persistent: this.persistent });
  }

  /** Nothing is shut yet: better no start than one that cannot hear a knock. */
  #refuse(text: string): boolean {
    if (this.state.state !== 'preparing' || this.#adopted) return false;
    this.#report.tell({ exitCode: EXIT.firewall, text, keepsRunning: false });
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

function kernelKnocks({ config, journal }: SupervisorParts): KnockCounters {
  return new KnockCounters({ path: knockCountersPath(config.settings.paths.run), journal });
}

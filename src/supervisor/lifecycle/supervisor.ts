import { EXIT } from '../../base/errors.js';
import type { RunPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import type { Template } from '../../firewall/rules/template.js';
import { NO_RULES } from '../../firewall/trial/trial.js';
import type { StartOutcome } from '../../wire/start/start-outcome.js';
import { MissingParentChains } from '../failsafe/missing-chains.js';
import { RulesetMonitor, type MonitorStarter } from '../failsafe/ruleset-monitor.js';
import { ListenerController } from '../listener/controller.js';
import { FailsafeController, type FailsafeObserver, type StateInfo } from '../failsafe/controller.js';
import { ExposureMonitor } from '../failsafe/exposure-monitor.js';
import type { Reconciler } from '../failsafe/reconciler.js';
import { KnockCounters } from '../../runtime/generation/knock-counters.js';
import { presentInterfaces } from '../listener/interfaces.js';
import { SerialQueue } from '../../base/serial-queue.js';
import { ActiveGeneration } from '../../runtime/generation/active-generation.js';
import { applyGeneration } from '../../runtime/generation/apply.js';
import { isActive, kernelPlaces } from '../../runtime/generation/inventory-record.js';
import { pruneOrphans } from '../../runtime/generation/prune.js';
import type { ListenerSupervisor } from '../listener/listener-supervisor.js';
import type { ListenerStarter } from '../launch/listener-child.js';
import { feeds } from '../failsafe/state-machine.js';
import type { State } from '../../wire/state.js';
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
  type GenerationParts,
} from '../../runtime/generation/generation.js';

interface SupervisorParts extends GenerationParts {
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
  /** The generation in force. */
  readonly active = new ActiveGeneration();
  readonly persistent: PersistentState;
  readonly trials: Trials;
  /** Reports what stands between knockctl's rules and the world. */
  readonly exposures: ExposureMonitor;
  readonly #parts: SupervisorParts;
  readonly #queue = new SerialQueue();
  readonly #failsafe: FailsafeController;
  readonly #scheduler: Scheduler;
  readonly #listener: ListenerController;
  readonly #rulesetMonitor: RulesetMonitor;
  readonly #reload: Reload;
  readonly #report = new StartReport();
  readonly #knockCounters: KnockCounters;
  readonly #missingChains: MissingParentChains;
  #notes: readonly string[] = [];
  /** Until it is known that nothing of ours was in force, a start that fails takes nothing out. */
  #adopted = true;

  constructor(parts: SupervisorParts) {
    const { active } = this;
    const { clock, journal, paths } = parts;
    const shared = { ...parts, active, queue: this.#queue };
    this.#parts = parts;
    this.#knockCounters = new KnockCounters({
      ...{ journal, path: parts.paths.knockCounters },
    });
    this.#missingChains = new MissingParentChains(journal);
    this.persistent = makePersistentState(paths, parts, active);
    this.#listener = this.#makeListener();
    this.#rulesetMonitor = new RulesetMonitor({
      ...{ start: parts.startMonitor, clock, journal },
      onExternalChange: (author) => {
        this.reconciler.onExternalChange(author);
      },
    });
    this.#failsafe = this.#makeFailsafe();
    this.exposures = new ExposureMonitor({
      ...{ active, journal, ruleset: this.#rulesetMonitor },
      ...{ state: () => this.state, onChange: parts.onStateText },
    });
    const { listener, exposures, persistent } = this;
    const failsafe = this.#failsafe;
    this.#scheduler = new Scheduler({ ...shared, failsafe, exposures, entries: persistent.entries });
    this.#reload = new Reload({ ...shared, failsafe, persistent, listener });
    this.trials = new Trials({ ...shared, reload: this.#reload });
    active.onApplied(({ firewall }) => {
      this.#rulesetMonitor.watch(firewall);
      this.#scheduler.begin();
      persistent.entries.adoptServices(firewall.names);
    });
  }

  #makeListener(): ListenerController {
    return new ListenerController({
      ...this.#parts,
      active: this.active,
      oneTime: this.persistent.oneTime,
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
  }

  #makeFailsafe(): FailsafeController {
    const { clock, journal, onVerifyAttempt } = this.#parts;
    const observer: FailsafeObserver = {
      onVerifyAttempt,
      onVerified: () => {
        const { firewall } = this.active.current;
        const { lastProofAgeMs = Infinity } = this.listener;
        this.#knockCounters.update(firewall.knocks, clock.nowMs(), lastProofAgeMs);
        this.#missingChains.check(firewall.missingParentChains);
        this.exposures.check();
      },
      onEntered: this.#entered.bind(this),
    };
    return new FailsafeController({
      ...{ clock, journal, observer },
      ...{ active: this.active, queue: this.#queue, listener: this.listener },
      ruleset: this.#rulesetMonitor,
      authors: this.#rulesetMonitor.authors(() => this.active.current.firewall.backend.name),
      listenerless: () => this.#listenerless,
    });
  }

  get listener(): ListenerSupervisor {
    return this.#listener.listener;
  }

  get state(): StateInfo {
    return this.#failsafe.info;
  }

  /** Names of the services that a fight has left shut, by their second gates. */
  get held(): readonly string[] {
    return this.#failsafe.held;
  }

  /** On trial the kernel has the doors of before; and by an interface that is not there it hears no knock either. */
  get #listenerless(): ReadonlySet<string> {
    const { config, firewall } = this.active.current;
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
    await this.#queue.run(async () => this.#build());
    if (this.state.state === 'preparing') {
      await this.#listener.start();
      this.active.applied();
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
    const left = await this.#queue.run(async () => this.#teardown({ keep, wasFed: fed }));
    for (const text of left) this.#parts.journal.record('firewall', text, {}, 'warn');
    this.#failsafe.event('removed', reason, means);
    const text = `stopped before it was armed: ${reason}`;
    this.#report.tell({ exitCode: EXIT.refused, text, keepsRunning: false });
    return left;
  }

  /** The end is near: that the listener goes is nothing to be told, or fixed. */
  stopListener(): void {
    this.#listener.listener.stop();
  }

  /** Another supervisor has taken over: ends what goes on by itself, and touches neither the kernel nor a file. */
  detach(reason: string): void {
    this.#failsafe.event('stop', reason, KEPT);
    this.#stopWatching();
    this.active.ifAny?.trusted.retire();
    this.persistent.entries.close();
    this.#report.tell({ exitCode: EXIT.refused, text: reason, keepsRunning: false });
  }

  /** After a start that failed half-way: takes out what it built. What an earlier life left stays in force. */
  async abandon(reason: string): Promise<void> {
    this.trials.neverBegan();
    if (this.active.ifAny === undefined) return;
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
    const made = { ...this.#parts, ...this.persistent };
    const generation = await makeGeneration(config, made, { template, before });
    const { firewall } = generation;
    this.active.swap(generation);
    this.#listener.killOrphan();
    this.#adopted = await isActive(firewall, paths.inventory);
    if (trialS !== undefined) this.trials.recordStart(config, firewall.template, trialS, this.#adopted);
    if (this.#adopted) {
      journal.record('firewall', 'adopted the rules that a previous run left in place');
      this.#knockCounters.reportNow(firewall.knocks, 'since a supervisor last looked');
    }
    const places = kernelPlaces(paths);
    // What a previous run protects stays so, whatever has become of one chain: status reports it.
    const mode = this.#adopted ? 'adopt' : 'fresh';
    this.#notes = await applyGeneration(generation, mode, { places, journal, clock });
    this.persistent.stops.resume();
  }

  #completeStart(): void {
    this.#listener.onArmed();
    const { firewall } = this.active.current;
    const { journal, paths } = this.#parts;
    void this.#queue.run(async () => pruneOrphans(firewall, paths.inventory, journal));
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
    this.#listener.stop();
  }

  async #teardown(ending: TeardownOptions): Promise<string[]> {
    const { ifAny: generation } = this.active;
    if (generation === undefined) return [];
    if (ending.keep) {
      await generation.firewall.isActive();
      this.#knockCounters.save(generation.firewall.knocks);
    }
    return teardown(generation, ending, { ...this.#parts, persistent: this.persistent });
  }

  /** Nothing is shut yet: better no start than one that cannot hear a knock. */
  #refuse(text: string): boolean {
    if (this.state.state !== 'preparing' || this.#adopted) return false;
    this.#report.tell({ exitCode: EXIT.firewall, text, keepsRunning: false });
    return true;
  }
}

import { errorText, EXIT, KnockError } from '../base/errors.js';
import type { RunPaths } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import type { Template } from '../firewall/template.js';
import { NO_RULES } from '../firewall/trial.js';
import { within } from '../system/clock.js';
import { readIfExists, removeFile, replaceFile } from '../system/files.js';
import type { StartOutcome } from '../system/notify.js';
import { formatIdentity, identify, parseIdentity, signal } from '../system/process.js';
import { Engine, type StateInfo } from './engine.js';
import { clear, isInForce, kernelPlaces, settle } from './kernel-life.js';
import { ListenerKeeper, type Loss } from './listener-keeper.js';
import type { ListenerStarter } from './listener-process.js';
import { DriftWatch, nftMonitor } from './drift-watch.js';
import { hear } from './hearing.js';
import type { Guard } from './guard.js';
import { feeds, type State } from './machine.js';
import { CLOSING_MS } from './pending-stops.js';
import { Reload } from './reload.js';
import { Rescue } from './rescue.js';
import { Rhythm } from './rhythm.js';
import { SelfKnock } from './self-knock.js';
import { TrialKeeper } from './trial-keeper.js';
import { listenOrder, makeLasting, makeWorld, type Lasting, type World, type WorldParts } from './world.js';

export interface SupervisorParts extends WorldParts {
  readonly config: Config;
  /** Instead of the rule template on disk. */
  readonly template?: Template | undefined;
  /** The rules are on trial: what is built meets no packet before that begins, and is to last for so many seconds. */
  readonly trialS?: number | undefined;
  readonly paths: RunPaths;
  readonly startListener: ListenerStarter;
}

/** The service as a whole: brings it up, keeps it in order, goes over to a new configuration, takes it down. */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #engine: Engine;
  readonly #rhythm: Rhythm;
  readonly #rescue: Rescue;
  readonly #selfKnock: SelfKnock;
  readonly #drift: DriftWatch;
  readonly #reload: Reload;
  readonly listener: ListenerKeeper;
  readonly lasting: Lasting;
  readonly trials: TrialKeeper;
  #world: World | undefined;
  /** Until we know that nothing of ours was in force, a start that fails takes nothing out. */
  #adopted = true;
  #outcome: ((outcome: StartOutcome) => void) | undefined;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    const { failsafe } = parts.config.settings;
    const { clock, journal } = parts;
    this.lasting = makeLasting(parts.paths, parts, () => this.world);
    this.#selfKnock = new SelfKnock(clock);
    this.listener = new ListenerKeeper(() => listenOrder(parts.config, this.lasting.oneTime), {
      start: parts.startListener,
      clock,
      selfKnock: this.#selfKnock,
      heartbeatMs: failsafe.heartbeatMs,
      timeoutMs: failsafe.listenerTimeoutMs,
      maxRestarts: failsafe.maxRestarts,
      events: {
        ready: (interfaces) => {
          this.#listenerReady(interfaces);
        },
        message: (message) => {
          hear(message, this.world.doors, parts.journal, this.listener);
        },
        lost: (loss) => {
          this.#listenerLost(loss);
        },
        waiting: (interfaces) => {
          this.#engine.event('given-up', `waiting for an interface to come up: ${interfaces.join(', ')}`);
        },
      },
    });
    this.#engine = new Engine({
      clock: parts.clock,
      journal: parts.journal,
      firewall: () => this.world.firewall,
      failsafe: () => this.world.config.settings.failsafe,
      listenerSound: () => this.listener.sound,
      entered: (state, problem) => {
        this.#entered(state, problem);
      },
    });
    this.#rhythm = new Rhythm({ clock, journal, engine: this.#engine, world: () => this.world });
    this.#rescue = new Rescue(parts.shell, journal);
    const touched = (culprit: string | undefined): void => {
      this.#engine.guard.touched(culprit);
    };
    this.#drift = new DriftWatch({ start: nftMonitor, clock, journal, touched });
    this.#reload = new Reload({
      ...parts,
      lasting: this.lasting,
      engine: this.#engine,
      listener: this.listener,
      world: () => this.world,
      take: (world) => {
        this.#world = world;
      },
      attend: (world) => {
        this.#attend(world);
      },
    });
    const { paths } = parts;
    this.trials = new TrialKeeper({
      ...{ paths, clock, journal },
      engine: this.#engine,
      reload: this.#reload,
      world: () => this.world,
    });
  }

  get state(): StateInfo {
    return this.#engine.info;
  }

  /** The world in force. Throws before the start. */
  get world(): World {
    if (this.#world === undefined)
      throw new KnockError('the supervisor is not running yet', { exitCode: EXIT.busy });
    return this.#world;
  }

  /** What keeps the rules as they should be. */
  get guard(): Guard {
    return this.#engine.guard;
  }

  /** When the health check comes next. */
  get nextCheck(): Date | undefined {
    return this.#rhythm.nextCheck;
  }

  /** Starts, and tells how it went once the service is armed or has failed. Rejects where nothing could be built. */
  async start(): Promise<StartOutcome> {
    const outcome = new Promise<StartOutcome>((resolve) => {
      this.#outcome = resolve;
    });
    this.#engine.event('start', 'started');
    await this.#engine.queued(async () => this.#build());
    if (this.state.state === 'preparing') {
      await this.#selfKnock.open();
      this.listener.start();
      this.#attend(this.world);
    }
    return outcome;
  }

  /** Ends. `keep`: what is in the kernel stays, for a supervisor that takes over. Gives what had to be left. */
  async stop(reason: string, keep: boolean): Promise<string[]> {
    const fed = feeds(this.state.state);
    this.#engine.event('stop', reason);
    this.#rhythm.end();
    this.#drift.end();
    this.#selfKnock[Symbol.dispose]();
    this.#engine[Symbol.dispose]();
    this.trials[Symbol.dispose]();
    this.listener.stop();
    removeFile(this.#parts.paths.listener);
    // Queued: a start that is being built is built before it is taken down.
    const left = await this.#engine.queued(async () => this.#takeDown(keep, fed));
    for (const text of left) this.#parts.journal.record('firewall', text, {}, 'warn');
    this.#engine.event('removed', reason);
    this.#tell({ exitCode: EXIT.refused, text: `stopped before it was armed: ${reason}`, goesOn: false });
    return left;
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
    this.#endOrphan();
    this.#adopted = await isInForce(world.firewall);
    if (trialS !== undefined) {
      if (this.#adopted) throw inForceAlready();
      this.trials.noteStart(config, world.firewall.template, trialS);
    }
    if (this.#adopted)
      journal.record('firewall', 'rules of an earlier life are in force: adopted as they are');
    await settle(world.firewall, this.#adopted, kernelPlaces(config, paths), journal, clock.wall());
    await world.trusted.apply();
    this.lasting.stops.takeUp();
  }

  #attend({ config: { settings }, firewall }: World): void {
    this.#drift.watch(firewall);
    this.#rhythm.begin(settings);
    this.lasting.entries.begin(firewall.names, settings.failsafe.heartbeatMs);
  }

  async #takeDown(keep: boolean, fed: boolean): Promise<string[]> {
    if (this.#world === undefined) return [];
    const { firewall, doors, config } = this.#world;
    const dropped = this.#parts.shell.dropStarts();
    if (dropped > 0) {
      const text = `${dropped} start commands that waited were dropped, since we end`;
      this.#parts.journal.record('command', text, {}, 'warn');
    }
    // A supervisor that takes over runs them at their time.
    if (!keep) await within(this.#parts.clock, CLOSING_MS, this.lasting.stops.runAll());
    this.lasting.stops.close();
    doors.tellDropped();
    // A supervisor that takes over has the whole switch time for it.
    if (keep && fed) await firewall.feed(config.settings.failsafe.switchTimeoutS);
    await this.#saveEntries(firewall.names, keep);
    if (!keep) await firewall.trip().catch(() => undefined); // a start that failed may not have built the sets
    const left = keep ? [] : await clear(firewall, config.settings.paths.run);
    await firewall.sets.close();
    return left;
  }

  /** The last act before the sets go. A kernel that does not answer must not keep us from ending. */
  async #saveEntries(services: readonly string[], keep: boolean): Promise<void> {
    const { entries } = this.lasting;
    try {
      if (services.length > 0) await entries.end(services, keep);
    } catch (error) {
      this.#parts.journal.record('entries', `entries not saved at the end: ${errorText(error)}`, {}, 'error');
    }
    entries.close();
  }

  #listenerReady(interfaces: readonly string[]): void {
    const { journal, paths } = this.#parts;
    journal.record('listener', `starting up, listening on ${interfaces.join(', ')}`, {
      pid: this.listener.pid,
    });
    const identity = identify(this.listener.pid ?? 0);
    if (identity !== undefined) replaceFile(paths.listener, formatIdentity(identity));
    this.#engine.event('sound', 'the listener hears');
  }

  #listenerLost({ reason, delayMs, givenUp }: Loss): void {
    const { journal } = this.#parts;
    if (this.state.state === 'preparing' && !this.#adopted) {
      // Nothing is shut yet: better no start than one that cannot hear a knock.
      this.#tell({ exitCode: EXIT.firewall, text: `the listener cannot work: ${reason}`, goesOn: false });
      return;
    }
    journal.record('listener', `listener lost: ${reason}; started again in ${delayMs / 1000} s`, {}, 'warn');
    this.#engine.event('listener-lost', reason);
    if (givenUp) {
      this.#engine.event('given-up', `the listener will not stay up: ${reason}`);
      void this.#rescue.run(this.world.config.settings.failsafe.rescueCommand);
    }
  }

  #entered(state: State, problem: unknown): void {
    if (problem !== undefined) {
      const { exitCode, hint } =
        problem instanceof KnockError ? problem : { exitCode: EXIT.firewall, hint: undefined };
      this.#tell({ exitCode, text: errorText(problem), hint, goesOn: this.#adopted });
    } else if (state === 'armed') {
      this.#rescue.reset();
      this.#tell({ exitCode: EXIT.ok, text: 'armed', goesOn: true });
    } else {
      const text = `started, but not armed: ${this.state.reason}`;
      this.#tell({
        exitCode: EXIT.firewall,
        text,
        hint: 'knockctl status tells more; it goes on trying',
        goesOn: true,
      });
    }
  }

  #tell(outcome: StartOutcome): void {
    this.#outcome?.(outcome);
    this.#outcome = undefined;
  }

  /** A listener of an earlier life that is stuck has not noticed that its supervisor is gone. */
  #endOrphan(): void {
    const orphan = parseIdentity(readIfExists(this.#parts.paths.listener));
    if (orphan === undefined || !signal(orphan, 'SIGKILL')) return;
    this.#parts.journal.record(
      'listener',
      `a listener of an earlier life was still there: killed`,
      { pid: orphan.pid },
      'warn',
    );
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

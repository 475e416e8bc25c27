import { errorText } from '../../base/errors.js';
import { WarnOnce } from '../../base/warn-once.js';
import type { RunPaths } from '../../config/paths.js';
import type { Settings } from '../../config/settings.js';
import type { Clock } from '../../system/clock.js';
import { readIfExists, removeFile, replaceFile } from '../../system/files.js';
import { formatIdentity, identify, parseIdentity, signal } from '../../system/process.js';
import { handleListenerMessage } from './message-handler.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { ListenerSupervisor, type Loss } from './listener-supervisor.js';
import type { ListenerStarter } from '../launch/listener-child.js';
import type { Event } from '../failsafe/state-machine.js';
import type { OneTimeLedger } from '../../runtime/doors/one-time-ledger.js';
import { RescueCommand } from './rescue-command.js';
import { LoopbackProbe } from './loopback-probe.js';
import type { Shell } from '../../runtime/doors/shell.js';
import type { ActiveGeneration } from '../../runtime/generation/active-generation.js';
import { listenerConfig } from '../../runtime/generation/generation.js';

interface ListenerControllerParts {
  readonly paths: Pick<RunPaths, 'listener'>;
  readonly startListener: ListenerStarter;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly shell: Shell;
  readonly oneTime: OneTimeLedger;
  readonly active: Pick<ActiveGeneration, 'current'>;
  readonly event: (event: Event, reason: string) => void;
  /** A knock was heard. */
  readonly onKnock: () => void;
  /** A listener cannot work: true where that is the end of the start, for nothing is shut yet. */
  readonly refused: (reason: string) => boolean;
}

/** How the service hears: the listener with its proof of hearing, what its life means, and what is left when it ends. */
export class ListenerController {
  readonly listener: ListenerSupervisor;
  readonly #parts: ListenerControllerParts;
  readonly #probe: LoopbackProbe;
  readonly #rescue: RescueCommand;
  /** The listener that is noted in the run folder. */
  #noted: string | undefined;
  readonly #once = new WarnOnce();

  constructor(parts: ListenerControllerParts) {
    this.#parts = parts;
    const { active, clock, event, journal } = parts;
    const failsafe = (): Settings['failsafe'] => active.current.config.settings.failsafe;
    this.#probe = new LoopbackProbe(clock);
    this.#rescue = new RescueCommand(parts.shell, journal);
    this.listener = new ListenerSupervisor(
      () => listenerConfig(active.current.config, parts.oneTime, active.current.firewall.trial !== undefined),
      {
        start: parts.startListener,
        clock,
        loopbackProbe: this.#probe,
        onFailed: ({ type }, error) => {
          this.#onFailed(type, error);
        },
        // Of the settings in force whenever they are asked for: a reload changes them.
        get heartbeatMs() {
          return failsafe().heartbeatMs;
        },
        get timeoutMs() {
          return failsafe().listenerTimeoutMs;
        },
        get maxRestarts() {
          return failsafe().maxRestarts;
        },
        events: {
          ready: (interfaces) => {
            this.#ready(interfaces);
          },
          message: (message) => {
            if (message.type === 'knock') parts.onKnock();
            handleListenerMessage(message, active.current.doors, journal, this.listener);
          },
          lost: (loss) => {
            this.#lost(loss);
          },
          waiting: (interfaces) => {
            event('given-up', `waiting for an interface to come up: ${interfaces.join(', ')}`);
          },
        },
      },
    );
  }

  async start(): Promise<void> {
    await this.#probe.open();
    this.listener.start();
  }

  stop(): void {
    this.listener.stop();
    this.#probe[Symbol.dispose]();
    const { listener } = this.#parts.paths;
    // It may be the note of another supervisor, which has come after us.
    if (this.#noted !== undefined && readIfExists(listener) === this.#noted) removeFile(listener);
  }

  /** The service is armed: when the listener is given up the next time, that is another time. */
  onArmed(): void {
    this.#rescue.reset();
  }

  /** A listener of an earlier life that is stuck has not noticed that its supervisor is gone. */
  killOrphan(): void {
    const orphan = parseIdentity(readIfExists(this.#parts.paths.listener));
    let done = 'killed';
    try {
      if (orphan === undefined || !signal(orphan, 'SIGKILL')) return;
    } catch (error) {
      done = `it could not be ended (${errorText(error)}): kill -9 ${orphan?.pid ?? ''}`; // we may have no such right
    }
    const text = `a listener of an earlier life was still there: ${done}`;
    this.#parts.journal.record('listener', text, { pid: orphan?.pid }, 'warn');
  }

  #ready(interfaces: readonly string[]): void {
    const { event, journal } = this.#parts;
    const { pid } = this.listener;
    journal.record('listener', `starting up, listening on ${interfaces.join(', ')}`, { pid });
    this.#record(pid);
    event('sound', 'the listener hears');
  }

  /** Who the listener is, for a supervisor that comes after a crash of this one. */
  #record(pid: number | undefined): void {
    const { journal, paths } = this.#parts;
    const identity = identify(pid ?? 0);
    if (identity === undefined) return;
    try {
      this.#noted = formatIdentity(identity);
      replaceFile(paths.listener, this.#noted);
      this.#once.ends(paths.listener);
    } catch (error) {
      const text = `cannot record the listener in ${paths.listener}: ${errorText(error)}; it works, but after a crash of the supervisor the next one would not end it`;
      if (this.#once.begins(paths.listener, text)) journal.record('listener', text, {}, 'warn');
    }
  }

  /** Nothing that the listener says can be the reason for this. */
  #onFailed(type: string, error: unknown): void {
    const text = `cannot act on a message of the listener (${type}): ${errorText(error)}`;
    if (this.#once.begins(type, text)) this.#parts.journal.record('listener', text, {}, 'error');
  }

  #lost({ reason, delayMs, givenUp }: Loss): void {
    const { active, event, journal, refused } = this.#parts;
    if (refused(`the listener cannot work: ${reason}`)) return;
    journal.record('listener', `listener lost: ${reason}; started again in ${delayMs / 1000} s`, {}, 'warn');
    event('listener-lost', reason);
    if (!givenUp) return;
    event('given-up', `the listener will not stay up: ${reason}`);
    void this.#rescue.run(active.current.config.settings.failsafe.rescueCommand);
  }
}

import { errorText } from '../../base/errors.js';
import type { RunPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import type { Clock } from '../../system/clock.js';
import { readIfExists, removeFile, replaceFile } from '../../system/files.js';
import { formatIdentity, identify, parseIdentity, signal } from '../../system/process.js';
import { hear } from './message-handler.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { ListenerKeeper, type Loss } from './listener-supervisor.js';
import type { ListenerStarter } from '../launch/listener-child.js';
import type { Event } from '../failsafe/state-machine.js';
import type { OneTimeKeeper } from '../../runtime/doors/one-time-ledger.js';
import { Rescue } from './rescue-command.js';
import { SelfKnock } from './loopback-probe.js';
import type { Shell } from '../../runtime/doors/shell.js';
import { listenOrder, type World } from '../../runtime/generation/generation.js';

export interface EarParts {
  readonly config: Config;
  readonly paths: Pick<RunPaths, 'listener'>;
  readonly startListener: ListenerStarter;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly shell: Shell;
  readonly oneTime: OneTimeKeeper;
  readonly world: () => World;
  readonly event: (event: Event, reason: string) => void;
  /** A knock was heard. */
  readonly heard: () => void;
  /** A listener cannot work: true where that is the end of the start, for nothing is shut yet. */
  readonly refused: (reason: string) => boolean;
}

/** How the service hears: the listener with its proof of hearing, what its life means, and what is left when it ends. */
export class Ear {
  readonly listener: ListenerKeeper;
  readonly #parts: EarParts;
  readonly #selfKnock: SelfKnock;
  readonly #rescue: Rescue;
  /** The listener that is noted in the run folder. */
  #noted: string | undefined;

  constructor(parts: EarParts) {
    this.#parts = parts;
    const { clock, config, event, journal } = parts;
    const { failsafe } = config.settings;
    this.#selfKnock = new SelfKnock(clock);
    this.#rescue = new Rescue(parts.shell, journal);
    this.listener = new ListenerKeeper(
      () => listenOrder(config, parts.oneTime, parts.world().firewall.trial !== undefined),
      {
        start: parts.startListener,
        clock,
        selfKnock: this.#selfKnock,
        heartbeatMs: failsafe.heartbeatMs,
        timeoutMs: failsafe.listenerTimeoutMs,
        maxRestarts: failsafe.maxRestarts,
        events: {
          ready: (interfaces) => {
            this.#ready(interfaces);
          },
          message: (message) => {
            if (message.type === 'knock') parts.heard();
            hear(message, parts.world().doors, journal, this.listener);
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
    await this.#selfKnock.open();
    this.listener.start();
  }

  stop(): void {
    this.listener.stop();
    this.#selfKnock[Symbol.dispose]();
    const { listener } = this.#parts.paths;
    // It may be the note of another supervisor, which has come after us.
    if (this.#noted !== undefined && readIfExists(listener) === this.#noted) removeFile(listener);
  }

  /** The service is armed: when the listener is given up the next time, that is another time. */
  armed(): void {
    this.#rescue.reset();
  }

  /** A listener of an earlier life that is stuck has not noticed that its supervisor is gone. */
  endOrphan(): void {
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
    const { event, journal, paths } = this.#parts;
    const { pid } = this.listener;
    journal.record('listener', `starting up, listening on ${interfaces.join(', ')}`, { pid });
    const identity = identify(pid ?? 0);
    if (identity !== undefined) {
      this.#noted = formatIdentity(identity);
      replaceFile(paths.listener, this.#noted);
    }
    event('sound', 'the listener hears');
  }

  #lost({ reason, delayMs, givenUp }: Loss): void {
    const { event, journal, refused, world } = this.#parts;
    if (refused(`the listener cannot work: ${reason}`)) return;
    journal.record('listener', `listener lost: ${reason}; started again in ${delayMs / 1000} s`, {}, 'warn');
    event('listener-lost', reason);
    if (!givenUp) return;
    event('given-up', `the listener will not stay up: ${reason}`);
    void this.#rescue.run(world().config.settings.failsafe.rescueCommand);
  }
}

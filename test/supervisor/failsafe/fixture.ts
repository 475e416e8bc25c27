import { EXIT, KnockError } from '../../../src/base/errors.js';
import { SerialQueue } from '../../../src/base/serial-queue.js';
import type { Generation } from '../../../src/runtime/generation/generation.js';
import { FailsafeController } from '../../../src/supervisor/failsafe/controller.js';
import { feeds, type Event } from '../../../src/supervisor/failsafe/state-machine.js';
import { FakeClock } from '../../helpers/fake-clock.js';

export const FAILSAFE = { heartbeatMs: 5_000, switchTimeoutS: 30, listenerTimeoutMs: 10_000 };

export const RULES = ['right', 'undone', 'busy', 'broken'] as const;
export type Rules = (typeof RULES)[number];

/** An engine over a firewall that does as it is told, and notes each feeding and tripping. */
export class Stand {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  rules: Rules = 'right';
  /** What tells whether rules have changed. */
  witness: string | undefined;
  /** What becomes known of authors when a repair waits for that. */
  catchUp: () => void = () => undefined;
  readonly listener = { isHealthy: true, lastProofAgeMs: 0 };
  /** Services whose second gates are in force. */
  gated: ReadonlySet<string> = new Set();
  fedMs = -Infinity;
  fed = 0;
  /** What was wrong while the switch was fed: must stay empty. */
  readonly wrong: string[] = [];
  /** How often the rules were looked at. */
  looks = 0;
  /** The sets are as they should be, and nothing is left of others. */
  settled = true;
  /** Services that need no listener. */
  listenerless: ReadonlySet<string> = new Set();
  /** What each feeding and tripping was for. */
  readonly deeds: string[] = [];
  readonly queue = new SerialQueue();
  readonly engine: FailsafeController;
  #degradedMs: number | undefined;

  constructor() {
    const firewall = {
      gated: async () => Promise.resolve(this.gated),
      unread: new Map(),
      services: [{ name: 'ssh' }, { name: 'web' }],
      isSettled: async () => Promise.resolve(this.settled),
      repair: async (beforeJump?: () => Promise<void>): Promise<string[]> => {
        this.looks += 1;
        await Promise.resolve();
        if (this.rules === 'busy') throw new KnockError('locked', { exitCode: EXIT.busy });
        if (this.rules === 'broken') throw new KnockError('the kernel refuses');
        await beforeJump?.();
        if (this.rules === 'right') return [];
        this.rules = 'right';
        return ['the jump was missing'];
      },
      // Noted when the order is given: what is on its way then comes before a trip, in one channel.
      feed: async (_timeoutS: number, only?: ReadonlySet<string>): Promise<void> => {
        this.deeds.push(`feed ${only === undefined ? 'all' : [...only].join()}`);
        if (only === undefined || this.engine.state === 'contested') this.#fed();
        await Promise.resolve();
      },
      trip: async (but: ReadonlySet<string>): Promise<void> => {
        this.deeds.push(`trip all but ${[...but].join()}`);
        await Promise.resolve();
        this.log.push(but.size === 0 ? 'trip' : `trip all but ${[...but].join()}`);
      },
    };
    this.engine = new FailsafeController({
      clock: this.clock,
      journal: { record: (_kind, text) => void this.log.push(text) },
      active: {
        current: { firewall, config: { settings: { failsafe: FAILSAFE } } } as unknown as Generation,
      },
      queue: this.queue,
      ruleset: { revision: () => this.witness },
      authors: {
        catchUp: async () => {
          await Promise.resolve();
          this.catchUp();
        },
        silence: () => 'nft monitor has not told',
        last: () => undefined,
      },
      listener: this.listener,
      listenerless: () => this.listenerless,
      observer: {
        onVerified: () => undefined,
        onVerifyAttempt: () => undefined,
        onEntered: () => undefined,
      },
    });
  }

  /** One that is armed. */
  static async armed(witness?: string): Promise<Stand> {
    const stand = new Stand();
    stand.witness = witness;
    stand.event('start');
    stand.event('sound');
    await stand.settle();
    return stand;
  }

  event(event: Event): void {
    if (event === 'sound') this.listener.isHealthy = true;
    if (event === 'listener-lost' || event === 'given-up') this.listener.isHealthy = false;
    this.engine.event(event, `because of ${event}`);
    const { state } = this.engine;
    this.#degradedMs = state === 'degraded' ? (this.#degradedMs ?? this.clock.nowMs()) : undefined;
  }

  /** Until all that is queued has been done. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    await this.queue.run(async () => Promise.resolve());
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }

  #fed(): void {
    const { state } = this.engine;
    const nowMs = this.clock.nowMs();
    const isHeld = state === 'contested' && this.listener.isHealthy && this.gated.size > 0;
    if (!feeds(state) && !isHeld) this.wrong.push(`fed while ${state}`);
    if (this.#degradedMs !== undefined && nowMs - this.#degradedMs > FAILSAFE.listenerTimeoutMs)
      this.wrong.push('fed without a listener for longer than listener_timeout');
    this.fedMs = nowMs;
    this.fed += 1;
  }
}

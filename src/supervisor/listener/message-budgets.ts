import { TokenBucket } from '../../base/token-bucket.js';
import type { ListenerMessage } from '../../wire/listener.js';

type Kind = ListenerMessage['type'];

/** Messages that count together: `rate` a second in the long run, `burst` at once. */
interface Allowance {
  readonly kinds: readonly Kind[];
  readonly rate: number;
  readonly burst: number;
}

/**
 * What a sound listener never exceeds: twice its own budgets (sniffer.ts), and for what it reads late from a supervisor that was
 * stopped the time counts by which it was stopped. It is ready once, and cannot go on once.
 */
const ALLOWANCES: readonly Allowance[] = [
  { kinds: ['ready'], rate: 0, burst: 1 },
  { kinds: ['fatal'], rate: 0, burst: 1 },
  { kinds: ['beat', 'suppressed'], rate: 50, burst: 500 },
  { kinds: ['echo'], rate: 100, burst: 400 },
  { kinds: ['stage', 'timeout'], rate: 200, burst: 1_000 },
  { kinds: ['knock'], rate: 1_000, burst: 4_000 },
];

/** How much of each kind one listener may still say. */
export class MessageBudgets {
  readonly #budgets: ReadonlyMap<Kind, TokenBucket>;

  constructor(nowMs: number) {
    const made = ALLOWANCES.flatMap(({ kinds, rate, burst }) => {
      const budget = new TokenBucket(rate, burst, nowMs);
      return kinds.map((kind) => [kind, budget] as const);
    });
    this.#budgets = new Map(made);
  }

  /** True if one more message of that kind is within its budget; it is then spent. */
  take({ type }: ListenerMessage, nowMs: number): boolean {
    return this.#budgets.get(type)?.take(nowMs) === true;
  }
}

import type { Entry } from '../../firewall/sets/set-specs.js';

/** More than this are not noted: each costs memory, and only a second hangs on it. */
const MAX_NOTED = 20_000;
const TIMED = /^(add \S+ (\S+) timeout )(\d+)/gm;

/**
 * When the timed entries run out that we ourselves put in, to the millisecond: the kernel tells whole seconds only, and
 * each stop and start would take up to a second from an entry. A help to the kernel's word, never more than it. Pure.
 */
export class ExpiryCache {
  readonly #endsMs = new Map<string, number>();

  /** Entries are about to go in, or begin their time anew. */
  remember(entries: readonly Entry[], nowMs: number): void {
    for (const { network, timeoutS } of entries) {
      if (timeoutS === 0) this.#endsMs.delete(network.text);
      else if (this.#endsMs.size < MAX_NOTED || this.#endsMs.has(network.text)) {
        this.#endsMs.set(network.text, nowMs + timeoutS * 1_000);
      }
    }
  }

  /** The lines of a dump that was begun at `nowMs` and took so long, with milliseconds where they fit what it says. */
  refine(lines: string, nowMs: number, tookMs: number): string {
    if (this.#endsMs.size === 0) return lines;
    return lines.replaceAll(TIMED, (line, head: string, address: string, seconds: string) => {
      const leftMs = Math.floor((this.#endsMs.get(address) ?? 0) - nowMs);
      const least = Number(seconds) * 1_000;
      // Else somebody has given it another time; with 0 seconds it is for ever.
      if (seconds === '0' || leftMs < least || leftMs > least + 1_000 + tookMs) return line;
      return `${head}${Math.floor(leftMs / 1_000)}.${String(leftMs % 1_000).padStart(3, '0')}`;
    });
  }

  /** Forgets what has run out. */
  prune(nowMs: number): void {
    for (const [text, endsMs] of this.#endsMs) if (endsMs <= nowMs) this.#endsMs.delete(text);
  }
}

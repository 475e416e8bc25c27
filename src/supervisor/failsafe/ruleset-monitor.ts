import { spawn, type ChildProcess } from 'node:child_process';

import type { BackendName } from '../../firewall/model/backend-name.js';
import type { Firewall } from '../../firewall/firewall.js';
import { ChangeReader } from '../../firewall/rules/nft-changes.js';
import type { Clock, Timer } from '../../system/clock.js';
import { requireDescriptors } from '../../system/descriptors.js';
import { CHILD_ENV } from '../../system/exec-env.js';
import { nftReader } from '../../system/netlink.js';
import { processState } from '../../system/process.js';
import { findTool } from '../../system/tools.js';
import type { Authors } from './reconciler.js';
import type { Journal } from '../../runtime/journal/journal.js';

/** Starts the process that tells of changes; undefined where it cannot be had. Tests give another. */
export type MonitorStarter = () => ChildProcess | undefined;

/** `nft monitor` tells each change within 2 ms, and who made it (measured). It ends with us, however we end. */
export const nftMonitor: MonitorStarter = () => {
  const setpriv = findTool('setpriv');
  return setpriv === undefined ? undefined : monitor(setpriv, ['--pdeathsig', 'KILL', '--']);
};

/** The same in a unit of systemd, which ends all that is left in it when we end; setpriv(1) would ask for too much there. */
export const nftMonitorInUnit: MonitorStarter = () => monitor();

/** By a program before it, where one is given. */
function monitor(before?: string, words: readonly string[] = []): ChildProcess | undefined {
  const nft = findTool('nft');
  if (nft === undefined) return undefined;
  requireDescriptors();
  const argv = before === undefined ? ['monitor'] : [...words, nft, 'monitor'];
  return spawn(before ?? nft, argv, { stdio: ['ignore', 'pipe', 'ignore'], env: CHILD_ENV, cwd: '/' });
}

interface RulesetMonitorParts {
  readonly start: MonitorStarter;
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  /** Somebody else changed what may concern us; undefined: changes may have been missed. */
  readonly onExternalChange: (culprit: string | undefined) => void;
}

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
const CATCH_UP_MS = 300;
const CATCH_UP_STEP_MS = 20;

/**
 * Has nft's monitor tell of changes by others, for as long as that can be had: without it the heartbeats find them. That
 * it has told of all of them is no belief: the kernel says what it has not read yet, and what it has missed.
 */
export class RulesetMonitor {
  readonly #parts: RulesetMonitorParts;
  #child: ChildProcess | undefined;
  #reader: ChangeReader | undefined;
  #retry: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;
  #told = false;
  #author: string | undefined;

  constructor(parts: RulesetMonitorParts) {
    this.#parts = parts;
  }

  /**
   * Stays the same for as long as nobody, us included, has changed any table of nft; undefined where that is not certain.
   * 0.1 ms (measured).
   */
  revision(): string | undefined {
    const pid = this.#child?.pid;
    if (pid === undefined) return undefined;
    try {
      const state = processState(pid);
      if (state === undefined || /[Tt]/.test(state)) return undefined;
      const socket = nftReader(pid);
      if (socket === undefined || socket.unread > 0) return undefined;
      return `${pid} ${socket.dropped} ${this.#reader?.count ?? 0}`;
    } catch {
      return undefined; // out of descriptors, or not allowed to look
    }
  }

  /** What names the authors of changes; `backend`: where the rules are. */
  authors(backend: () => BackendName): Authors {
    return {
      catchUp: async () => this.#catchUp(),
      silence: () => this.#silence(backend()),
      last: () => this.#author,
    };
  }

  /** Gives the monitor a moment to tell of changes until now; nothing without a monitor. */
  async #catchUp(): Promise<void> {
    const { clock } = this.#parts;
    const told = this.#reader?.count;
    for (let waitedMs = 0; waitedMs < CATCH_UP_MS; waitedMs += CATCH_UP_STEP_MS) {
      // A change is told within 2 ms (measured); a busy machine may read it later.
      if (this.#child === undefined || (waitedMs > 0 && this.#reader?.count !== told)) return;
      await new Promise<void>((resolve) => {
        clock.after(CATCH_UP_STEP_MS, resolve);
      });
    }
  }

  /** Why nothing names the author of a change. */
  #silence(backend: BackendName): string {
    if (backend === 'legacy') return 'iptables-legacy does not tell';
    return this.#child === undefined ? 'nft monitor was not running' : 'nft monitor has not told';
  }

  /** Watches the chains of this firewall, and no others any more. */
  watch(firewall: Firewall): void {
    this.end();
    if (firewall.services.length === 0 || firewall.backend.name !== 'nft') return;
    let child: ChildProcess | undefined;
    try {
      child = this.#parts.start();
    } catch {
      this.#startAgain(firewall);
      return;
    }
    this.#read(child, firewall);
  }

  end(): void {
    this.#retry?.[Symbol.dispose]();
    const child = this.#child;
    this.#child = undefined;
    child?.kill('SIGKILL');
  }

  #read(child: ChildProcess | undefined, firewall: Firewall): void {
    if (child?.stdout == null) {
      this.#complain('nft is not installed (apt-get install nftables)');
      return;
    }
    this.#child = child;
    const reader = new ChangeReader(firewall.watched, ({ pid, name }) => {
      this.#retryMs = FIRST_RETRY_MS;
      if (!firewall.isOwn(pid)) this.#parts.onExternalChange(`${name} (pid ${pid})`);
    });
    this.#reader = reader;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      reader.push(text);
      const { last } = reader;
      if (last !== undefined && !firewall.isOwn(last.pid)) this.#author = `${last.name} (pid ${last.pid})`;
    });
    child.on('error', () => undefined); // 'close' follows
    child.on('close', () => {
      this.#lost(child, firewall);
    });
  }

  #lost(child: ChildProcess, firewall: Firewall): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    this.#startAgain(firewall);
  }

  /** What happens meanwhile is found by a look once it is back. */
  #startAgain(firewall: Firewall): void {
    this.#complain('nft monitor has ended, and is started again');
    this.#retry = this.#parts.clock.after(this.#retryMs, () => {
      this.watch(firewall);
      this.#parts.onExternalChange(undefined);
    });
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  #complain(what: string): void {
    if (this.#told) return;
    this.#told = true;
    const text = `changes by others are seen at the next heartbeat only: ${what}`;
    this.#parts.journal.record('repair', text, {}, 'warn');
  }
}

import { setTimeout as sleep } from 'node:timers/promises';

import { contains, parseAddress, parseKernelNetwork } from '../../../base/address.js';
import { EXIT, KnockError } from '../../../base/errors.js';
import { isSupervised } from '../../../firewall/ownership/inventory.js';
import { timeOfDay } from '../../../system/local-time.js';
import { isEventRecords, type EventRecord, type Request } from '../../../wire/control.js';
import { isListing, isStatusReport, type ListedEntry, type StatusReport } from '../../../wire/reports.js';
import type { Context } from '../../context.js';
import { Lifecycle } from '../../lifecycle/lifecycle.js';
import { ask } from '../../supervisor-client.js';

/** Time enough to try it from a second terminal. */
export const TRIAL_S = 300;

const ANSWER_MS = 5_000;
/** A supervisor follows the kernel within a few seconds. */
const FOLLOW_MS = 30_000;
const LOOK_MS = 100;

/** `on`: it can still be confirmed. `over`: the kernel has gone back. `dead`: nobody is there who could confirm. */
type TrialState = 'on' | 'over' | 'dead';

/**
 * A new set-up on trial. The address of the caller's own session is not let in for it: else whoever tries the knock from
 * there would get in whether or not it was heard, and be shut out when the trial ends. An open session goes on in any
 * case, and the trial undoes itself.
 */
export class InitTrial {
  /** By a start, which goes back to nothing at all; or by a reload, which goes back to what was in force before. */
  readonly verb: 'start' | 'reload';
  readonly #context: Context;
  readonly #lifecycle: Lifecycle;
  /** Says nothing but errors: its hints know of no -c. */
  readonly #quiet: Lifecycle;
  #until = new Date();
  /** The number of the event with which it began. */
  #began = 0;

  constructor(context: Context) {
    this.#context = context;
    this.#lifecycle = new Lifecycle(context);
    const output = { ...context.output, out: () => undefined };
    this.#quiet = new Lifecycle({ ...context, output, session: undefined, sessionPort: undefined });
    this.verb = this.#lifecycle.process.isRunning() ? 'reload' : 'start';
  }

  /** The time of day at which the kernel goes back. */
  get until(): string {
    return timeOfDay(this.#until);
  }

  /** Gives the exit code; what went wrong is said. Throws KnockError. */
  async begin(): Promise<number> {
    const code = await this.#quiet[this.verb]({ trial: TRIAL_S });
    if (code !== EXIT.ok) return code;
    const report = await this.#report();
    this.#until = new Date(report?.trial?.until ?? Date.now() + TRIAL_S * 1_000);
    const first = (await this.#events()).findLast(({ kind }) => kind === 'trial');
    this.#began = first?.number ?? 0;
    return code;
  }

  async state(): Promise<TrialState> {
    const endMs = performance.now() + FOLLOW_MS;
    do {
      const report = await this.#report();
      if (report !== undefined) return (report.trial?.left ?? 0) > 0 ? 'on' : 'over';
      if (!this.#lifecycle.process.isRunning()) {
        const isLeft = isSupervised(this.#context.paths().inventory);
        return isLeft ? 'dead' : 'over';
      }
      await sleep(LOOK_MS); // one that ends, as it does when the time is up, answers no more
    } while (performance.now() < endMs);
    return 'dead';
  }

  /**
   * The addresses whose knock at a door was heard since the trial began: by the listener, for until it is confirmed the
   * kernel recognises the doors of before, by whatever name.
   */
  async heard(door: string): Promise<readonly string[]> {
    const knocks = (await this.#events()).filter(
      ({ number, kind, fields }) =>
        number > this.#began && kind === 'knock' && fields['door'] === door && fields['heard'] === true,
    );
    const addresses = knocks.map(({ fields }) => fields['address']);
    return [...new Set(addresses.filter((address) => typeof address === 'string'))];
  }

  /** What lets an address in without a knock at this moment; undefined: nothing does. */
  async entryOf(service: string, address: string): Promise<ListedEntry | undefined> {
    const own = parseAddress(address);
    const data = await this.#ask({ verb: 'list' });
    if (!own.ok || !isListing(data)) return undefined;
    return data.find((entry) => {
      const network = parseKernelNetwork(entry.address);
      const isHere = network.ok && contains(network.value, own.value);
      return isHere && entry.service === service && entry.list !== 'banned';
    });
  }

  /** Keeps it. Gives the exit code; throws KnockError, where it is too late as well. */
  async keep(): Promise<number> {
    return this.#lifecycle.confirm();
  }

  /** Takes a start back at once. A reload goes back by itself, at its time. */
  async giveUp(): Promise<void> {
    if (this.verb === 'start') await this.#quiet.stop();
  }

  /** Waits until the supervisor has followed the kernel back. */
  async settle(): Promise<void> {
    const endMs = performance.now() + FOLLOW_MS;
    const isSettled = async (): Promise<boolean> => {
      const report = await this.#report();
      return report === undefined ? !this.#lifecycle.process.isRunning() : report.trial === null;
    };
    while (!(await isSettled())) {
      if (performance.now() > endMs)
        throw new KnockError('the supervisor has not followed the kernel back yet', {
          exitCode: EXIT.busy,
          hint: 'knockctl status tells how it is',
        });
      await sleep(LOOK_MS);
    }
  }

  async #report(): Promise<StatusReport | undefined> {
    const data = await this.#ask({ verb: 'status' });
    return isStatusReport(data) ? data : undefined;
  }

  async #events(): Promise<readonly EventRecord[]> {
    const data = await this.#ask({ verb: 'events' });
    return isEventRecords(data) ? data : [];
  }

  /** The data of an answer; undefined where nobody answers, or ends while it should. */
  async #ask(request: Request): Promise<unknown> {
    try {
      const answer = await ask(this.#context.paths().socket, request, { timeoutMs: ANSWER_MS });
      return answer.kind === 'reply' ? answer.reply.data : undefined;
    } catch (error) {
      if (error instanceof KnockError) return undefined;
      throw error;
    }
  }
}

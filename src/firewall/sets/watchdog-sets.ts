import type { Ipset } from './ipset.js';
import { aliveSet } from '../model/names.js';
import type { Service } from '../model/service.js';
import { parseHeaders, portSecondsLeft } from './set-specs.js';

/** The port sets: the watchdog of each service, and the timer of a trial. */
export class WatchdogSets {
  readonly #ipset: Ipset;

  constructor(ipset: Ipset) {
    this.#ipset = ipset;
  }

  /** Feeds the watchdog: it trips after `timeoutS` seconds without another feed. */
  async feed({ name, ports }: Service, timeoutS: number): Promise<void> {
    for (const port of ports) await this.#ipset.line(`add ${aliveSet(name)} ${port} timeout ${timeoutS}`);
  }

  /** Trips the watchdog at once. */
  async trip(service: string): Promise<void> {
    await this.#ipset.line(`flush ${aliveSet(service)}`);
  }

  /** Returns the seconds until the watchdog trips, for the port that is first; undefined if a port is not fed. */
  async secondsToTrip({ name, ports }: Service): Promise<number | undefined> {
    return this.secondsLeft(aliveSet(name), ports);
  }

  /** Adds ports to a set for `timeoutS` seconds (0: permanently), in one batch. */
  async addPorts(set: string, ports: readonly number[], timeoutS: number): Promise<void> {
    await this.#ipset.batch(ports.map((port) => `add ${set} ${port} timeout ${timeoutS}`));
  }

  /**
   * Returns the seconds left of the port that expires first, 0 = permanent; undefined if a port, or the set, is
   * missing.
   */
  async secondsLeft(set: string, ports: readonly number[]): Promise<number | undefined> {
    if (!parseHeaders(await this.#ipset.list()).has(set)) return undefined;
    const saved = await this.#ipset.save(set);
    const left = ports.map((port) => portSecondsLeft(saved, port));
    if (left.length === 0 || left.some((seconds) => seconds === undefined)) return undefined;
    const timed = left.filter((seconds) => seconds !== 0);
    return timed.length === 0 ? 0 : Math.min(...timed.map((seconds) => seconds ?? 0));
  }
}

import type { Ipset } from './ipset.js';
import { aliveSet } from '../model/names.js';
import type { Service } from '../model/service.js';
import { parseHeaders, portLeft } from './set-specs.js';

/** The sets of ports: the switch of each service, and the timer of a trial. */
export class WatchdogSets {
  readonly #ipset: Ipset;

  constructor(ipset: Ipset) {
    this.#ipset = ipset;
  }

  /** Feeds the switch: for `timeoutS` more seconds the kernel knows that we are there. */
  async feed({ name, ports }: Service, timeoutS: number): Promise<void> {
    for (const port of ports) await this.#ipset.line(`add ${aliveSet(name)} ${port} timeout ${timeoutS}`);
  }

  /** Trips the switch at once. */
  async trip(service: string): Promise<void> {
    await this.#ipset.line(`flush ${aliveSet(service)}`);
  }

  /** Seconds until the switch trips, by the port that is nearest to it; undefined where some port is not fed. */
  async switchLeft({ name, ports }: Service): Promise<number | undefined> {
    return this.left(aliveSet(name), ports);
  }

  /** Puts ports into a set for `timeoutS` seconds (0: for ever), all at once. */
  async put(set: string, ports: readonly number[], timeoutS: number): Promise<void> {
    await this.#ipset.batch(ports.map((port) => `add ${set} ${port} timeout ${timeoutS}`));
  }

  /** Seconds that the port nearest to it has left in a set, 0 being for ever; undefined where one, or the set, is not in. */
  async left(set: string, ports: readonly number[]): Promise<number | undefined> {
    if (!parseHeaders(await this.#ipset.list()).has(set)) return undefined;
    const saved = await this.#ipset.save(set);
    const left = ports.map((port) => portLeft(saved, port));
    if (left.length === 0 || left.some((seconds) => seconds === undefined)) return undefined;
    const timed = left.filter((seconds) => seconds !== 0);
    return timed.length === 0 ? 0 : Math.min(...timed.map((seconds) => seconds ?? 0));
  }
}

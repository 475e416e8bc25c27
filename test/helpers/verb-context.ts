import type { SetList } from '../../src/base/lists.js';
import type { ServiceSettings } from '../../src/config/settings.js';
import type { VerbContext } from '../../src/runtime/access/context.js';
import { parseNetwork, type Network } from '../../src/base/address.js';
import { ok, refuse } from '../../src/base/result.js';
import { KernelSpace, SERVICE } from './kernel-space.js';

export const SSH: ServiceSettings = {
  ...SERVICE,
  acceptTimeoutS: 300,
  banTimeoutS: 0,
  decoyTimeoutS: 3600,
  decoys: 'keep',
  gate: 'normal',
  strays: 'drop',
  kernelDoors: true,
};
export const WEB: ServiceSettings = { ...SSH, name: 'web', ports: [80], banTimeoutS: 600 };

export function network(text: string): Network {
  const parsed = parseNetwork(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}

/** Verbs on real sets in a namespace of their own, with a resolver of the test's. */
export class VerbStand implements AsyncDisposable {
  readonly space = new KernelSpace();
  readonly recorded: string[] = [];
  readonly forgotten: (readonly string[] | undefined)[] = [];
  /** What host names resolve to. */
  readonly hosts = new Map<string, readonly string[]>();
  readonly context: VerbContext;

  constructor(services: readonly ServiceSettings[] = [SSH, WEB], more: Partial<VerbContext> = {}) {
    this.context = {
      ...more,
      sets: this.space.sets(),
      services,
      families: [4, 6],
      resolver: async (name) => {
        const addresses = this.hosts.get(name);
        const answer =
          addresses === undefined ? refuse(`${name} does not resolve`) : ok(addresses.map(network));
        return Promise.resolve(answer);
      },
      trustedFile: `${this.space.dir}/knockd.trusted`,
      record: (kind, text) => this.recorded.push(`${kind}: ${text}`),
      forgetTrusted: (texts) => this.forgotten.push(texts),
    };
  }

  /** The sets of all services, made. */
  async build(): Promise<this> {
    for (const service of this.context.services) await this.context.sets.ensure(service.name);
    return this;
  }

  /** What is in a list: `address by origin`, and ` for N` where it has a time, in tens of seconds. */
  async list(service: string, list: SetList): Promise<string[]> {
    const entries = await this.context.sets.entries(service, list);
    return entries
      .map(({ network: { text }, timeoutS, origin }) => {
        const time = timeoutS === 0 ? '' : ` for ${Math.ceil(timeoutS / 10) * 10}`;
        return `${text} by ${origin}${time}`;
      })
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.sets.close();
    await this.space[Symbol.asyncDispose]();
  }
}

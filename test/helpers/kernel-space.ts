import { spawn } from 'node:child_process';

import type { Family } from '../../src/base/address.js';
import type { BackendName } from '../../src/firewall/model/backend-name.js';
import { IpsetChannel, type ChannelStarter } from '../../src/firewall/sets/ipset-channel.js';
import type { KernelDoors } from '../../src/firewall/doors/kernel-doors.js';
import { Firewall } from '../../src/firewall/firewall.js';
import type { Service } from '../../src/firewall/model/service.js';
import type { RuleSettings } from '../../src/firewall/model/rule-settings.js';
import type { PersistencePort } from '../../src/firewall/sets/persistence-port.js';
import { Ipset } from '../../src/firewall/sets/ipset.js';
import { SetStore } from '../../src/firewall/sets/set-store.js';
import { Tables } from '../../src/firewall/rules/tables.js';
import type { Template } from '../../src/firewall/rules/template.js';
import { NO_RULES } from '../../src/firewall/trial/trial.js';
import { execOk, systemExec, type Exec } from '../../src/system/exec.js';
import { Holdings, removeLeftovers } from './namespaces.js';
import { shippedTemplate } from './template.js';

export const SERVICE: Service = {
  name: 'ssh',
  protocol: 'tcp',
  ports: [22],
  addresses: [],
  chain: 'INPUT',
  onFailure: 'restore',
};

export const SETTINGS: RuleSettings = { families: [4, 6], hook: 'first', log: '6/min' };

const IPSET = '/usr/sbin/ipset';

/** One network namespace, with netfilter and sets of its own, and the product's own ways into it. */
export class KernelSpace implements AsyncDisposable {
  readonly name: string;
  readonly dir: string;
  readonly #holdings: Holdings;
  readonly #stores: SetStore[] = [];

  constructor() {
    removeLeftovers();
    this.#holdings = new Holdings();
    this.dir = this.#holdings.dir;
    this.name = this.#holdings.addNamespace('k');
  }

  /** What a command must begin with to run in here. */
  get inside(): readonly string[] {
    return ['/usr/bin/nsenter', `--net=/run/netns/${this.name}`, '--'];
  }

  readonly exec: Exec = async (argv, options) => systemExec([...this.inside, ...argv], options);

  /** Runs a command line, its words separated by blanks, that must succeed. */
  async must(line: string, input?: string): Promise<string> {
    const [program = '', ...words] = line.split(' ');
    const argv = [program.startsWith('/') ? program : `/usr/sbin/${program}`, ...words];
    return execOk(this.exec, argv, input === undefined ? {} : { input });
  }

  readonly startIpset: ChannelStarter = () => {
    const [nsenter = '', ...words] = this.inside;
    return spawn(nsenter, [...words, '/usr/bin/stdbuf', '-o0', IPSET, '-exist', '-'], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  };

  sets(exec: Exec = this.exec, memory?: PersistencePort): SetStore {
    const store = new SetStore(new Ipset(exec, IPSET, new IpsetChannel(this.startIpset)), memory);
    this.#stores.push(store);
    return store;
  }

  firewall(
    backend: BackendName,
    services: readonly Service[] = [SERVICE],
    more: Partial<RuleSettings> & {
      readonly template?: Template;
      readonly exec?: Exec;
      readonly doors?: KernelDoors;
    } = {},
  ): Firewall {
    const exec = more.exec ?? this.exec;
    const tool = (family: Family, verb: string): string => `/usr/sbin/${tables(family)}-${backend}-${verb}`;
    const tools = (family: Family): { readonly save: string; readonly restore: string } => ({
      save: tool(family, 'save'),
      restore: tool(family, 'restore'),
    });
    const access = new Tables(exec, { name: backend, reason: 'test', tools: { 4: tools(4), 6: tools(6) } });
    const settings = { ...SETTINGS, ...more };
    return new Firewall(access, this.sets(exec), services, settings, more.template ?? shippedTemplate(), {
      doors: more.doors ?? NO_RULES.doors,
    });
  }

  /** Runs iptables or ip6tables of a back end. */
  async iptables(backend: BackendName, family: Family, words: string): Promise<string> {
    return this.must(`${tables(family)}-${backend} ${backend === 'legacy' ? '-w 20 ' : ''}${words}`);
  }

  /** The whole save of a family, without counters and the lines that bear the time. */
  async save(backend: BackendName, family: Family): Promise<string> {
    const text = await this.must(`${tables(family)}-${backend}-save`);
    return text.replaceAll(/^#.*\n/gm, '').replaceAll(/\[\d+:\d+\]/g, '[0:0]');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#stores.map(async (store) => store.close()));
    this.#holdings.release();
  }
}

function tables(family: Family): string {
  return family === 4 ? 'iptables' : 'ip6tables';
}

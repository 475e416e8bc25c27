import type { Family } from '../base/address.js';
import { LISTS } from '../base/lists.js';
import { findTable } from '../iptables-parser/query.js';
import type { Ruleset } from '../iptables-parser/types.js';
import { chainPrefix } from './names.js';
import { planApply, planRemove, rulesIn, taggedRules, type SameRules, type Transaction } from './plan.js';
import type { WatchedChains } from './nft-changes.js';
import type { RuleSettings, Service } from './service.js';
import type { SetStore } from './set-store.js';
import type { Tables } from './tables.js';
import { takeSnapshot } from './snapshot.js';
import { expandTemplate, type DesiredService, type Template } from './template.js';

/** What is in force of one service: for `status`, and for deciding whether to feed. */
export interface InForce {
  readonly service: string;
  readonly family: Family;
  /** All chains are there and hold the rules that they should. */
  readonly chains: boolean;
  /** The jump is there, once, and right. */
  readonly jump: boolean;
}

/**
 * The firewall of all services: builds it, opens and shuts the way into it, verifies and repairs
 * it, and takes it out. Changes of rules happen one after the other; sets have their own channel,
 * so that feeding never waits for somebody else's xtables lock.
 */
export class Firewall {
  readonly sets: SetStore;
  readonly services: readonly Service[];
  readonly #tables: Tables;
  readonly #settings: RuleSettings;
  readonly #desired: ReadonlyMap<Family, readonly DesiredService[]>;
  /** How the kernel prints rules that we loaded, by family, chain and our own text. */
  readonly #printed = new Map<string, string>();
  #queue: Promise<unknown> = Promise.resolve();

  /** Throws ConfigError where the template does not fit a service. */
  constructor(
    tables: Tables,
    sets: SetStore,
    services: readonly Service[],
    settings: RuleSettings,
    template: Template,
  ) {
    this.#tables = tables;
    this.sets = sets;
    this.services = services;
    this.#settings = settings;
    this.#desired = new Map(
      settings.families.map((family) => [
        family,
        services.map((service) => expandTemplate(template, service, family, settings.log)),
      ]),
    );
  }

  get backend(): Tables['backend'] {
    return this.#tables.backend;
  }

  /** The chains to be watched for changes by others. */
  get watched(): WatchedChains {
    const services = [...this.#desired.values()].flat();
    return {
      own: new Set(services.flatMap(({ chains }) => [...chains.keys()])),
      hooks: new Set(services.flatMap(({ jump }) => (jump === undefined ? [] : [jump.chain]))),
    };
  }

  /** True for a process of ours: what it changed we did. */
  isOwn(pid: number): boolean {
    return this.#tables.isOwn(pid);
  }

  /** Sets and chains, but no new jump: no packet meets them yet. What was there before stays in force. */
  async prepare(): Promise<void> {
    for (const service of this.services) await this.sets.ensure(service.name);
    await this.#apply(false);
  }

  /**
   * Everything in force: sets, chains and the jump. `beforeJump` runs when the sets are there and no
   * rule has been touched yet. Gives what was changed, in words: empty where all was right.
   */
  async repair(beforeJump?: () => Promise<void>): Promise<string[]> {
    const faults: string[] = [];
    for (const service of this.services) {
      const wrong = await this.sets.faults(service.name);
      if (wrong.length > 0) await this.sets.ensure(service.name);
      faults.push(...wrong);
    }
    await beforeJump?.();
    return [...faults, ...(await this.#apply(true))];
  }

  /** What of our rules is in force, for each service and family. */
  async inForce(): Promise<InForce[]> {
    return this.#serial(async () => {
      const result: InForce[] = [];
      for (const [family, desired] of this.#desired) {
        const actual = await this.#read(family);
        for (const service of desired) result.push(this.#judge(family, service, actual));
      }
      return result;
    });
  }

  /** Saves the rulesets as they are to the folder (see takeSnapshot); gives the paths. */
  async snapshot(folder: string, now: Date): Promise<string[]> {
    return takeSnapshot(this.#tables, [...this.#desired.keys()], folder, now);
  }

  /** Families whose filter table does not exist. */
  async missingTables(): Promise<Family[]> {
    const missing: Family[] = [];
    for (const family of this.#desired.keys()) {
      if (!(await this.#tables.exists(family))) missing.push(family);
    }
    return missing;
  }

  /**
   * Takes jumps, chains and sets out: those of our services, and those of services that an earlier
   * configuration had. `madeTables`: filter tables that go too, where nothing is left in them.
   * Gives what had to be left, and why.
   */
  async remove(strays: readonly string[] = [], madeTables: readonly Family[] = []): Promise<string[]> {
    return this.#serial(async () => {
      const left: string[] = [];
      for (const [family, desired] of this.#desired) {
        const gone = [...desired, ...strays.map(standardService)];
        const removal = planRemove(gone, await this.#read(family));
        if (removal.text !== '') await this.#tables.apply(family, removal.text);
        left.push(...removal.left);
        if (madeTables.includes(family)) await this.#tables.dropIfEmpty(family);
      }
      const names = [...this.services.map((service) => service.name), ...strays];
      for (const name of names) left.push(...(await this.sets.destroy(name)));
      return left;
    });
  }

  /** Takes out what is left of services that this configuration does not have. */
  async removeStrays(strays: readonly string[]): Promise<void> {
    if (strays.length === 0) return;
    await this.#serial(async () => {
      for (const family of this.#desired.keys()) {
        const removal = planRemove(strays.map(standardService), await this.#read(family));
        if (removal.text !== '') await this.#tables.apply(family, removal.text);
      }
      for (const name of strays) await this.sets.destroy(name);
    });
  }

  /** Feeds the switch of every service. */
  async feed(timeoutS: number): Promise<void> {
    for (const service of this.services) await this.sets.feed(service, timeoutS);
  }

  /** Trips the switch of every service. */
  async trip(): Promise<void> {
    for (const service of this.services) await this.sets.trip(service.name);
  }

  async #apply(jump: boolean): Promise<string[]> {
    return this.#serial(async () => {
      const changes: string[] = [];
      for (const [family, desired] of this.#desired) {
        const plan = this.#plan(family, desired, await this.#read(family), jump);
        if (plan.text === '') continue;
        await this.#tables.apply(family, plan.text);
        changes.push(...plan.changes.map((change) => `${change} (IPv${family})`));
        this.#learn(family, desired, await this.#read(family), jump);
      }
      return changes;
    });
  }

  async #read(family: Family): Promise<Ruleset> {
    return this.#tables.read(family, (line) =>
      this.services.some(({ name }) => line.includes(chainPrefix(name))),
    );
  }

  #plan(family: Family, desired: readonly DesiredService[], actual: Ruleset, jump: boolean): Transaction {
    return planApply(desired, actual, { jump, hook: this.#settings.hook, same: this.#same(family) });
  }

  #judge(family: Family, service: DesiredService, actual: Ruleset): InForce {
    const table = findTable(actual, 'filter');
    const same = this.#same(family);
    const chains = this.#plan(family, [service], actual, false).text === '';
    const [jump, ...more] = table === undefined ? [] : taggedRules(table, service.service);
    const right =
      service.jump === undefined
        ? jump === undefined
        : jump?.chain === service.jump.chain &&
          same(service.jump.chain, [service.jump.rule], [jump.specText]);
    return { service: service.service, family, chains, jump: right && more.length === 0 };
  }

  #same(family: Family): SameRules {
    return (chain, desired, actual) => {
      const text = actual.join('\n');
      return text === desired.join('\n') || text === this.#printed.get(key(family, chain, desired));
    };
  }

  /**
   * Reads back what the kernel made of our rules, so that the next comparison knows their printed form.
   * Only what was written: a jump that an earlier configuration left is not the printed form of ours.
   */
  #learn(family: Family, desired: readonly DesiredService[], actual: Ruleset, withJump: boolean): void {
    const table = findTable(actual, 'filter');
    for (const service of desired) {
      for (const [chain, rules] of service.chains) {
        const printed = rulesIn(table, chain);
        if (printed.length === rules.length) this.#printed.set(key(family, chain, rules), printed.join('\n'));
      }
      if (!withJump) continue;
      const [jump, ...more] = table === undefined ? [] : taggedRules(table, service.service);
      if (service.jump !== undefined && jump !== undefined && more.length === 0) {
        this.#printed.set(key(family, service.jump.chain, [service.jump.rule]), jump.specText);
      }
    }
  }

  async #serial<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(job);
    this.#queue = result.catch(() => undefined); // a failed job is its caller's, not the next one's
    return result;
  }
}

/** The chains of a service of which only the name is known. */
function standardService(service: string): DesiredService {
  const chains = ['policy', ...LISTS].map((part) => chainPrefix(service) + part);
  return { service, chains: new Map(chains.map((chain) => [chain, []])), jump: undefined };
}

function key(family: Family, chain: string, rules: readonly string[]): string {
  return [family, chain, ...rules].join('\n');
}

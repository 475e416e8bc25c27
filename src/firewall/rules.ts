import type { Family } from '../base/address.js';
import { EXIT, KnockError } from '../base/errors.js';
import { findTable } from '../iptables-parser/query.js';
import type { Ruleset } from '../iptables-parser/types.js';
import type { DoorKeeping } from './doors/door-keeping.js';
import type { KernelDoors } from './doors/kernel-doors.js';
import { doorsLabel } from './doors/names.js';
import { judgeJumps, type InForce } from './in-force.js';
import { chainsOf, isOurs } from './leftovers.js';
import { readAllTables } from './exposure/all-tables.js';
import { Assessed } from './exposure/assessed.js';
import type { Exposure } from './exposure/assess.js';
import { awaited, planApply, taggedRules, type Awaited, type Transaction } from './plan.js';
import { PrintedRules } from './printed.js';
import type { Remains } from './remains.js';
import type { RuleSettings, Service } from './service.js';
import type { Tables } from './tables.js';
import type { DesiredService } from './template.js';
import { Unreadable } from './unread.js';

/** What is to be in force. */
export interface Wanted {
  readonly services: (family: Family) => readonly DesiredService[];
  /** Their names. */
  readonly names: readonly string[];
  readonly doors: KernelDoors;
  /** Chains of ours that must not be there any more. */
  readonly drop: readonly string[];
}

export interface RulesParts {
  readonly tables: Tables;
  readonly settings: RuleSettings;
  readonly keeping: DoorKeeping;
  readonly remains: Remains;
  readonly wanted: () => Wanted;
  /** The services whose ports are to be shut. */
  readonly services: () => readonly Service[];
}

/** The rules in the tables: looks at them, and makes them what they should be. Changes happen one after the other. */
export class Rules {
  readonly #parts: RulesParts;
  readonly #printed = new PrintedRules();
  readonly #assessed = new Assessed();
  #awaited: readonly Awaited[] = [];
  #seen: readonly InForce[] | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(parts: RulesParts) {
    this.#parts = parts;
  }

  /** Chains of others that jumps of ours belong into and that were not there at the last look. */
  get awaited(): readonly Awaited[] {
    return this.#awaited;
  }

  /** What decides about our services before us, by the rules as they were last read. */
  get exposures(): readonly Exposure[] {
    const { tables, settings, keeping, services, wanted } = this.#parts;
    return this.#assessed.exposures({
      services: services(),
      backend: tables.backend.name,
      instances: keeping.instances,
      hook: settings.hook,
      families: settings.families,
      doors: (family) => [...wanted().doors.openings(family).values()],
    });
  }

  /** Looks at tables besides filter, and at the other back end. */
  async lookElsewhere(): Promise<void> {
    this.#assessed.seeElsewhere(await readAllTables(this.#parts.tables));
  }

  /** Whether packets meet rules of ours, be it of services that only an earlier configuration has. */
  async isMet(): Promise<boolean> {
    return this.serial(async () => {
      const labels = this.#parts.keeping.instances.map(doorsLabel);
      let isMet = false;
      for (const family of this.#families) {
        const table = findTable(await this.#read(family), 'filter');
        const names = [...this.#names, ...labels];
        if (table !== undefined) isMet ||= names.some((name) => taggedRules(table, name).length > 0);
      }
      return isMet;
    });
  }

  /** What is in force, for each service and family. */
  async inForce(): Promise<InForce[]> {
    return this.serial(async () => {
      const result: InForce[] = [];
      const asleep = await this.#parts.tables.asleep();
      for (const family of this.#families)
        result.push(...(await this.#inForceIn(family, asleep.get(family))));
      this.#seen = result;
      return result;
    });
  }

  /** What was in force at the last look, where another one takes too long; `why` no newer one is there. */
  notRead(why: string): InForce[] {
    if (this.#seen !== undefined) return this.#seen.map((one) => ({ ...one, unread: one.unread ?? why }));
    const { services } = this.#parts.wanted();
    return this.#families.flatMap((family) =>
      services(family).map(({ service }) => unknownIn(service, family, why)),
    );
  }

  async #inForceIn(family: Family, asleep: string | undefined): Promise<InForce[]> {
    const wanted = this.#parts.wanted();
    const doors = wanted.doors.rules(family);
    const all = [...wanted.services(family), ...(doors.chains.size === 0 ? [] : [doors])];
    let actual: Ruleset;
    try {
      actual = await this.#read(family);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return all.map(({ service }) => unknownIn(service, family, error.why));
    }
    const table = asleep === undefined ? findTable(actual, 'filter') : undefined;
    const unread = asleep ?? this.#parts.tables.unread.get(family);
    return all.map((service) => {
      const chains = this.#plan(family, [service], actual, false).text === '';
      return { ...judgeJumps(service, table, this.#printed.same(family)), family, chains, unread };
    });
  }

  /** Chains and, with `jump`, the jumps as they should be. Gives what was changed, in words. */
  async apply(jump: boolean): Promise<string[]> {
    return this.serial(async () => {
      const changes: string[] = [];
      const waiting: Awaited[] = [];
      for (const family of this.#families) {
        const actual = await this.#read(family);
        const desired = this.#desired(family, actual, jump);
        waiting.push(...awaited(family, desired, actual));
        const plan = this.#plan(family, desired, actual, jump);
        if (plan.text === '') {
          await this.#learn(family, actual, jump);
          continue;
        }
        await this.#parts.tables.apply(family, plan.text);
        changes.push(...plan.changes.map((change) => `${change} (IPv${family})`));
        const made = await this.#read(family);
        this.#printed.learn(family, desired, findTable(made, 'filter'), jump);
        await this.#learn(family, made, jump);
      }
      if (jump) await this.#mustBeAwake();
      this.#awaited = waiting;
      return changes;
    });
  }

  /** Rules that no packet meets protect nothing, however right they are. Throws KnockError. */
  async #mustBeAwake(): Promise<void> {
    const asleep = await this.#parts.tables.asleep();
    for (const family of this.#families) {
      const why = asleep.get(family);
      if (why !== undefined) throw new KnockError(why, { exitCode: EXIT.firewall });
    }
  }

  /** Runs a job that changes rules after all before it. */
  async serial<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(job);
    this.#queue = result.catch(() => undefined); // a failed job is its caller's, not the next one's
    return result;
  }

  get #families(): readonly Family[] {
    return this.#parts.settings.families;
  }

  /** Services that are wanted, or of which something may be left. */
  get #names(): readonly string[] {
    const { names } = this.#parts.wanted();
    return [...names, ...this.#parts.remains.services(names)];
  }

  async #read(family: Family): Promise<Ruleset> {
    const { tables, keeping, wanted } = this.#parts;
    const counts = new Map<string, number>();
    const { services, doors, drop } = wanted();
    const desired = [...services(family), doors.rules(family)];
    const chains = [...chainsOf(desired), ...drop];
    const actual = await tables.read(family, this.#isOurs, counts, new Set(chains));
    keeping.counted(family, counts);
    this.#assessed.see(family, actual, tables.unread.get(family));
    return actual;
  }

  /** What is in force, for a time when no save tells it: with the jumps alone it is all of it. */
  async #learn(family: Family, actual: Ruleset, jump: boolean): Promise<void> {
    if (jump) await this.#parts.tables.learn(family, actual, this.#isOurs);
  }

  /** Tells lines, and chains, that concern us. */
  get #isOurs(): (line: string) => boolean {
    return isOurs(this.#names, this.#parts.keeping.instances);
  }

  /** Doors that packets meet change with their jump alone: a reload that is refused later must not have opened any. */
  #desired(family: Family, actual: Ruleset, jump: boolean): readonly DesiredService[] {
    const wanted = this.#parts.wanted();
    const table = findTable(actual, 'filter');
    const doors = wanted.doors.rules(family);
    const areMet = table !== undefined && taggedRules(table, doors.service).length > 0;
    return areMet && !jump ? wanted.services(family) : [...wanted.services(family), doors];
  }

  #plan(family: Family, desired: readonly DesiredService[], actual: Ruleset, jump: boolean): Transaction {
    const { settings, keeping, remains, wanted } = this.#parts;
    const { names, doors, drop } = wanted();
    const stray = keeping.stray(findTable(actual, 'filter'), doors.rules(family));
    const going = remains.going(names);
    return planApply([...desired, ...going.jumps, ...stray.jumps], actual, {
      jump,
      hook: settings.hook,
      same: this.#printed.same(family),
      drop: [...new Set([...drop, ...stray.chains, ...going.chains])],
    });
  }
}

function unknownIn(service: string, family: Family, unread: string): InForce {
  const nothing = { chains: false, jump: false, awaits: undefined, met: false };
  return { service, family, ...nothing, unread, unknown: true };
}

/** Things of nft in tables of iptables, one by one: what the firewall must do about each, whenever it comes. */
import assert from 'node:assert/strict';

import type { Firewall } from '../../../src/firewall/firewall.js';
import { KernelSpace } from '../../helpers/kernel-space.js';
import { made, TABLE_NAMES, TABLES, type Foreign, type TableName } from './foreign-kinds.js';

const NFT = '/usr/sbin/nft';

/** Priorities of the chains, and their types where they are no filters. */
const PRIORITY = { filter: 0, nat: 100, mangle: -150, raw: -300, security: 50 } as const;

function baseChain(protocol: string, table: TableName, chain: string): string {
  const isDestination = chain === 'PREROUTING' || chain === 'OUTPUT';
  const priority = table === 'nat' && isDestination ? -100 : PRIORITY[table];
  const type = table === 'nat' ? 'nat' : table === 'mangle' && chain === 'OUTPUT' ? 'route' : 'filter';
  const hook = chain.toLowerCase();
  return `add chain ${protocol} ${table} ${chain} { type ${type} hook ${hook} priority ${priority} ; policy accept ; }`;
}

/** The tables of iptables-nft, empty. */
const EMPTY = ['ip', 'ip6']
  .flatMap((protocol) =>
    TABLE_NAMES.flatMap((table) => [
      `add table ${protocol} ${table}`,
      ...TABLES[table].map((chain) => baseChain(protocol, table, chain)),
    ]),
  )
  .map((line) => `${line}\n`)
  .join('');

/** A network namespace with the tables of iptables, for one case after the other. */
export class ForeignSpace implements AsyncDisposable {
  readonly #space = new KernelSpace();
  /** Kinds that this kernel took, in some table. */
  readonly taken = new Set<string>();

  /** Before and after: put in in front of a start, and while our rules are in force. False where the kernel does not take it there. */
  async check(foreign: Foreign, chain: string): Promise<boolean> {
    if (!(await this.#before(foreign, chain))) return false;
    this.taken.add(foreign.kind.name);
    await this.#during(foreign, chain);
    return true;
  }

  async #before(foreign: Foreign, chain: string): Promise<boolean> {
    await this.#clear();
    const put = await this.#put(foreign, chain);
    if (!put) return false;
    const found = await this.#all();
    const first = this.#space.firewall('nft');
    await first.prepare();
    await first.repair();
    await this.#isRight(first, 'after a start');
    // Another life, which has seen none of it: it adopts.
    const second = this.#space.firewall('nft');
    assert.equal(await second.isActive(), true, 'another life sees our jump');
    await second.prepare();
    await second.repair();
    await this.#isRight(second, 'adopted');
    await this.#isRemoved(second, found);
    return true;
  }

  async #during(foreign: Foreign, chain: string): Promise<void> {
    await this.#clear();
    const firewall = this.#space.firewall('nft');
    await firewall.prepare();
    await firewall.repair();
    assert.ok(await this.#put(foreign, chain));
    assert.deepEqual(await firewall.repair(), [], 'nothing of ours was undone, so nothing is repaired');
    await this.#isRight(firewall, 'beside it');
    // Somebody takes our jump out as well.
    for (const { protocol, handle } of await this.#jumps()) {
      await this.#space.must(`${NFT} delete rule ${protocol} filter INPUT handle ${handle}`);
      break;
    }
    assert.equal((await firewall.repair()).length, 1, 'the jump is put back');
    await this.#isRight(firewall, 'repaired beside it');
    await firewall.remove();
    assert.doesNotMatch(await this.#all(), /ssh_/);
  }

  async #isRight(firewall: Firewall, when: string): Promise<void> {
    for (const one of await firewall.ruleStatus())
      assert.ok(one.chains && one.jump && one.unknown === undefined, `${when}: ${JSON.stringify(one)}`);
    const jumps = await this.#jumps();
    assert.deepEqual(
      jumps.map(({ protocol }) => protocol).sort(),
      ['ip', 'ip6'],
      `${when}: one jump in each family`,
    );
    assert.deepEqual(await firewall.repair(), [], `${when}: a second look finds nothing to do`);
  }

  async #isRemoved(firewall: Firewall, found: string): Promise<void> {
    assert.deepEqual(await firewall.remove(), []);
    assert.equal(await this.#all(), found, 'as a foreign observer would have it without us');
  }

  /** Tables as iptables makes them, in one step: a process for each would take longer than all else. */
  async #clear(): Promise<void> {
    await this.#space.must(`${NFT} -f -`, `flush ruleset\n${EMPTY}`);
  }

  async #put(foreign: Foreign, chain: string): Promise<boolean> {
    const input = made(foreign, chain);
    const { exitCode } = await this.#space.exec([NFT, '-f', '-'], { input });
    return exitCode === 0;
  }

  /** All rules, without their counters. */
  async #all(): Promise<string> {
    return this.#space.must(`${NFT} -s list ruleset`);
  }

  /** The rules of INPUT that lead to us, by nft. */
  async #jumps(): Promise<{ readonly protocol: string; readonly handle: string }[]> {
    const found: { readonly protocol: string; readonly handle: string }[] = [];
    for (const protocol of ['ip', 'ip6']) {
      const text = await this.#space.must(`${NFT} -a list table ${protocol} filter`);
      for (const [, handle = ''] of text.matchAll(/jump ssh_policy .*# handle (\d+)$/gm))
        found.push({ protocol, handle });
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#space[Symbol.asyncDispose]();
  }
}

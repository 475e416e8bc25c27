import type { Family } from '../../base/address.js';
import type { Table } from '../../iptables-parser/document.js';
import { rulesIn, taggedRules, type SameRules } from './plan.js';
import type { DesiredService } from './template.js';

/** How the kernel prints rules that we loaded: an administrator's template need not have that form. */
export class CanonicalRules {
  /** By family, chain and our own text: the last two, for a second way to read may not have the kernel's own form. */
  readonly #printed = new Map<string, Set<string>>();

  /** Compares rules of a family with what is in force. */
  same(family: Family): SameRules {
    return (chain, desired, actual) => {
      const text = actual.join('\n');
      return (
        text === desired.join('\n') || this.#printed.get(key(family, chain, desired))?.has(text) === true
      );
    };
  }

  /**
   * Notes what the kernel made of rules that were just written. Only what was written: a jump that an earlier
   * configuration left is not the printed form of ours.
   */
  learn(
    family: Family,
    desired: readonly DesiredService[],
    table: Table | undefined,
    withJump: boolean,
  ): void {
    for (const service of desired) {
      for (const [chain, rules] of service.chains) {
        const printed = rulesIn(table, chain);
        if (printed.length === rules.length) this.#note(key(family, chain, rules), printed.join('\n'));
      }
      if (withJump) this.#learnJumps(family, service, table);
    }
  }

  #learnJumps(family: Family, service: DesiredService, table: Table | undefined): void {
    const jumps = table === undefined ? [] : taggedRules(table, service.service);
    for (const { chain, rule } of service.jumps) {
      const wanted = service.jumps.filter((jump) => jump.chain === chain);
      const printed = jumps.filter((jump) => jump.chain === chain);
      const found = printed[wanted.findIndex((jump) => jump.rule === rule)];
      if (found !== undefined && printed.length === wanted.length) {
        this.#note(key(family, chain, [rule]), found.specText);
      }
    }
  }

  #note(of: string, text: string): void {
    const former = [...(this.#printed.get(of) ?? [])].filter((one) => one !== text);
    this.#printed.set(of, new Set([...former.slice(-1), text]));
  }
}

function key(family: Family, chain: string, rules: readonly string[]): string {
  return [family, chain, ...rules].join('\n');
}

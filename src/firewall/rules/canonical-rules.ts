import type { Family } from '../../base/address.js';
import type { Table } from '../../iptables-parser/document.js';
import { rulesIn, taggedRules, type SameRules } from './plan.js';
import type { DesiredService } from './template.js';

/** The form in which the kernel prints loaded rules. An administrator's template may use another form. */
export class CanonicalRules {
  /**
   * Printed forms by family, chain and template text. The last two are kept, because a fallback reader may print
   * another form than the kernel.
   */
  readonly #printed = new Map<string, Set<string>>();

  /** Returns a comparison of desired rules of a family with those in force. */
  same(family: Family): SameRules {
    return (chain, desired, actual) => {
      const text = actual.join('\n');
      return (
        text === desired.join('\n') || this.#printed.get(key(family, chain, desired))?.has(text) === true
      );
    };
  }

  /**
   * Records the printed form of rules that were just written. Only those: a jump left by an earlier configuration is
   * not the printed form of the desired one.
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
        if (printed.length === rules.length) this.#remember(key(family, chain, rules), printed.join('\n'));
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
        this.#remember(key(family, chain, [rule]), found.specText);
      }
    }
  }

  #remember(of: string, text: string): void {
    const former = [...(this.#printed.get(of) ?? [])].filter((one) => one !== text);
    this.#printed.set(of, new Set([...former.slice(-1), text]));
  }
}

function key(family: Family, chain: string, rules: readonly string[]): string {
  return [family, chain, ...rules].join('\n');
}

import { findTable, rulesOf } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Ruleset, Table } from '../../iptables-parser/document.js';
import { matching, type Share, type Wanted } from './reach.js';

/**
 * Where a rule of nat sends what comes to a port: on to others, or to another port of this host (`to`). `share`: how much
 * of it. `isNamed`: a rule on the way names the port, as those of Docker do; else the rules are about all ports.
 */
export interface SentOn {
  readonly share: Exclude<Share, 'none'>;
  readonly isNamed: boolean;
  /** As REDIRECT has it: `8080`, or `8080-8090`. */
  readonly to: string | undefined;
}

/** Deeper than any sane ruleset, and iptables refuses loops. */
const MAX_DEPTH = 32;

/** The rules that send on what comes to a port from elsewhere: from PREROUTING, along its jumps. */
export function sentOn(ruleset: Ruleset | undefined, wanted: Wanted): SentOn[] {
  const nat = ruleset && findTable(ruleset, 'nat');
  return nat === undefined ? [] : follow(nat, 'PREROUTING', wanted, { share: 'all', isNamed: false }, 0);
}

type Way = Pick<SentOn, 'share' | 'isNamed'>;

function follow(nat: Table, chain: string, wanted: Wanted, way: Way, depth: number): SentOn[] {
  if (depth > MAX_DEPTH) return [];
  return rulesOf(nat, chain).flatMap((rule) => {
    const share = matching(rule, wanted);
    if (rule.target === undefined || share === 'none' || isForLoopback(rule)) return [];
    const here: Way = {
      share: share === 'some' ? 'some' : way.share,
      isNamed: way.isNamed || namesPort(rule),
    };
    const { name } = rule.target;
    if (name === 'DNAT') return [{ ...here, to: undefined }];
    if (name !== 'REDIRECT') return follow(nat, name, wanted, here, depth + 1);
    const to = redirectedTo(rule);
    // To the same port of this host: it meets INPUT as it is.
    return to === undefined ? [] : [{ ...here, to }];
  });
}

/** Docker publishes at 127.0.0.1 by such a rule. */
function isForLoopback({ destination }: Rule): boolean {
  return (
    destination !== undefined && !destination.negated && /^(?:127\.|::1(?:\/|$))/.test(destination.value)
  );
}

function namesPort({ matches }: Rule): boolean {
  return matches.some(({ options }) =>
    options.some(({ name, negated }) => /^--dports?$/.test(name) && !negated),
  );
}

function redirectedTo({ target }: Rule): string | undefined {
  return target?.options.find(({ name }) => name === '--to-ports')?.values[0];
}

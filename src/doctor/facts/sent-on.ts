import { findTable, rulesOf } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Ruleset, Table } from '../../iptables-parser/document.js';
import { matching, type Share, type Wanted } from './reach.js';

/**
 * A nat rule that redirects packets for a port: to another host, or to another port of this host (`to`). `share`: how
 * many of them. `isNamed`: a rule on the path names the port, as Docker's do; otherwise the rules apply to all ports.
 */
export interface Redirected {
  readonly share: Exclude<Share, 'none'>;
  readonly isNamed: boolean;
  /** The port of REDIRECT: `8080`, or `8080-8090`. */
  readonly to: string | undefined;
}

/** Deeper than any sane ruleset; iptables refuses loops. */
const MAX_DEPTH = 32;

/** Returns the rules that redirect packets from outside to a port: from PREROUTING, along its jumps. */
export function redirectionsOf(ruleset: Ruleset | undefined, wanted: Wanted): Redirected[] {
  const nat = ruleset && findTable(ruleset, 'nat');
  return nat === undefined ? [] : follow(nat, 'PREROUTING', wanted, { share: 'all', isNamed: false }, 0);
}

type PathSoFar = Pick<Redirected, 'share' | 'isNamed'>;

function follow(nat: Table, chain: string, wanted: Wanted, way: PathSoFar, depth: number): Redirected[] {
  if (depth > MAX_DEPTH) return [];
  return rulesOf(nat, chain).flatMap((rule) => {
    const share = matching(rule, wanted);
    if (rule.target === undefined || share === 'none' || isForLoopback(rule)) return [];
    const here: PathSoFar = {
      share: share === 'some' ? 'some' : way.share,
      isNamed: way.isNamed || namesPort(rule),
    };
    const { name } = rule.target;
    if (name === 'DNAT') return [{ ...here, to: undefined }];
    if (name !== 'REDIRECT') return follow(nat, name, wanted, here, depth + 1);
    const to = redirectedTo(rule);
    // A redirect to the same port of this host still passes INPUT.
    return to === undefined ? [] : [{ ...here, to }];
  });
}

/** Docker publishes at 127.0.0.1 with such a rule. */
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

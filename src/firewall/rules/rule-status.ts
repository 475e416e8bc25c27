import type { Family } from '../../base/address.js';
import type { Table } from '../../iptables-parser/document.js';
import { areJumps, chainNames, installable, taggedRules, type SameRules } from './plan.js';
import type { TableName } from '../model/table-name.js';
import type { DesiredService } from './template.js';

/** The state of one service's rules: for `status`, and to decide whether to feed the watchdog. */
export interface RuleStatus {
  readonly service: string;
  readonly family: Family;
  /** All chains exist and hold the desired rules. */
  readonly chains: boolean;
  /** The jump exists exactly once and is right; on trial, both jumps. */
  readonly jump: boolean;
  /** The missing foreign chain that the jump belongs to: no packet passes it. */
  readonly awaits: string | undefined;
  /** Packets meet knockctl's rules, right or not: a jump with its comment exists. */
  readonly met: boolean;
  /** The tables in which chains and jump are right: each of them protects by itself. */
  readonly whole?: readonly TableName[];
  /** Why iptables-save could not print this family's rules. */
  readonly unread?: string | undefined;
  /** The rules cannot be read by any means: `chains` and `jump` are false because nothing is known. */
  readonly unknown?: true;
}

/** Judges the jumps of a service. Pure. */
export function judgeJumps(
  { service, jumps }: DesiredService,
  table: Table | undefined,
  same: SameRules,
): Pick<RuleStatus, 'service' | 'jump' | 'awaits' | 'met'> {
  const tagged = table === undefined ? [] : taggedRules(table, service);
  const there = installable(jumps, chainNames(table));
  const awaits = jumps.find((jump) => !there.includes(jump))?.chain;
  const jump = awaits === undefined && areJumps(tagged, jumps, same);
  return { service, jump, awaits: awaits, met: tagged.length > 0 };
}

/**
 * Merges to one status for each service and family: two tables are as good as the worse one. If one table cannot be
 * read, the status is that of the other, because each protects by itself, and is marked unknown.
 */
export function merged(all: readonly RuleStatus[]): RuleStatus[] {
  const byService = new Map<string, RuleStatus>();
  for (const one of all) {
    const key = `${one.family} ${one.service}`;
    const other = byService.get(key);
    byService.set(key, other === undefined ? one : both(other, one));
  }
  return [...byService.values()];
}

function both(one: RuleStatus, other: RuleStatus): RuleStatus {
  const known = [one, other].filter(({ unknown }) => unknown !== true);
  return {
    ...one,
    chains: known.length > 0 && known.every(({ chains }) => chains),
    jump: known.length > 0 && known.every(({ jump }) => jump),
    awaits: one.awaits ?? other.awaits,
    met: one.met || other.met,
    whole: [...(one.whole ?? []), ...(other.whole ?? [])],
    unread: one.unread ?? other.unread,
    ...(known.length < 2 ? { unknown: true as const } : {}),
  };
}

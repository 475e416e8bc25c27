import type { Family } from '../../base/address.js';
import type { Table } from '../../iptables-parser/document.js';
import { areJumps, chainNames, installable, taggedRules, type SameRules } from './plan.js';
import type { TableName } from '../model/table-name.js';
import type { DesiredService } from './template.js';

/** What is in force of one service: for `status`, and for deciding whether to feed. */
export interface RuleStatus {
  readonly service: string;
  readonly family: Family;
  /** All chains are there and hold the rules that they should. */
  readonly chains: boolean;
  /** The jump is there, once, and right; on trial, both of them. */
  readonly jump: boolean;
  /** Somebody else's chain that the jump belongs into, where it is not there: no packet passes it. */
  readonly awaits: string | undefined;
  /** Packets meet rules of ours, right or not: a jump with our comment is there. */
  readonly met: boolean;
  /** The tables in which chains and jump are as they should be: each of them shuts, whatever the other one holds. */
  readonly whole?: readonly TableName[];
  /** Why a save could not tell the rules of this family. */
  readonly unread?: string | undefined;
  /** Nothing tells whether they are there: `chains` and `jump` are false for want of knowledge. */
  readonly unknown?: true;
}

/** What is in force of the jumps of a service. Pure. */
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
 * One judgement for each service and family: what stands in two tables is as good as the worse of the two; of one that
 * nothing tells, as good as the other, for either of them shuts, and said to be unknown.
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
  const told = [one, other].filter(({ unknown }) => unknown !== true);
  return {
    ...one,
    chains: told.length > 0 && told.every(({ chains }) => chains),
    jump: told.length > 0 && told.every(({ jump }) => jump),
    awaits: one.awaits ?? other.awaits,
    met: one.met || other.met,
    whole: [...(one.whole ?? []), ...(other.whole ?? [])],
    unread: one.unread ?? other.unread,
    ...(told.length < 2 ? { unknown: true as const } : {}),
  };
}

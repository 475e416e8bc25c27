import { parseCommand } from '../knockd/commands.js';
import { ok } from '../../base/result.js';
import type { VerbCommand } from '../settings.js';
import { readShellLine, unwrap } from '../shell-line.js';
import type { PortLookUp } from '../shadow.js';

import type { CommandLine, DoorLines, Slot } from './document.js';
import { readDoorLine, type DoorRule } from './line.js';
import { placeOfSet } from './services.js';

/** A command that is a verb of ours already; `earlier` is the rule that it was made from, where one is told. */
export interface VerbLine {
  readonly line: CommandLine;
  readonly command: VerbCommand;
  readonly earlier: DoorRule | undefined;
  /** The verb without what stood around it: sudo, a comment. */
  readonly plain?: string;
}

/** A rule that a verb can take the place of. */
export interface Change {
  readonly line: CommandLine;
  readonly rule: DoorRule;
  /** The stop command that deletes the rule, and after how many seconds. */
  readonly stop: { readonly line: CommandLine; readonly afterS: number } | undefined;
}

/** A line that stays as it is, and why; `isRun` is false where it has no effect. */
export interface Left {
  readonly line: CommandLine;
  readonly reason: string;
  readonly isRun: boolean;
}

/** What the commands of one door come to, other doors not looked at. */
export interface DoorReading {
  readonly changes: readonly Change[];
  readonly left: readonly Left[];
  readonly verbs: readonly VerbLine[];
}

type Part =
  | { readonly kind: 'verb'; readonly line: CommandLine }
  | { readonly kind: 'rule'; readonly line: CommandLine; readonly rule: DoorRule }
  | { readonly kind: 'shell'; readonly line: CommandLine; readonly reason: string };

/** A start command with the stop command that follows it, if any. */
interface Pair {
  readonly start: Part;
  readonly stop: Part | undefined;
  /** Why no verb can do the same, whatever the two are. */
  readonly bar?: string;
}

/** A comment of it must still fit in knockd's 4,095 bytes. */
const MAX_COMMAND = 4_000;

/** Reads a door's commands; `stopAfterS` is its cmd_timeout in seconds. */
export function readDoor({ name, commands }: DoorLines, stopAfterS: number, lookUp: PortLookUp): DoorReading {
  const inForce = new Map(commands.map((line) => [line.slot, line]));
  const verbs: VerbLine[] = [];
  const parts = new Map<Slot, Part>();
  for (const [slot, line] of inForce) {
    const verb = readVerb(line, name, lookUp);
    if (verb !== undefined) verbs.push(verb);
    if (line.value !== '') parts.set(slot, readPart(line, name, verb !== undefined, lookUp));
  }
  const pairs = pairUp(parts, inForce.has('start6'), inForce.has('stop6'));
  const outcomes = pairs.map((pair) => judge(pair, stopAfterS));
  const together = outcomes.flatMap((outcome) => ('left' in outcome ? outcome.left : []));
  const paired = pairs.flatMap(({ start, stop }) => [start.line, stop?.line]);
  const left: Left[] = [...together];
  for (const line of commands) {
    const winner = inForce.get(line.slot);
    if (winner !== line) {
      left.push({
        line,
        reason: `without effect: line ${winner?.number ?? 0} takes its place`,
        isRun: false,
      });
    } else if (parts.has(line.slot) && !paired.includes(line)) {
      left.push({ line, reason: 'it never runs: no start command goes before it', isRun: false });
    }
  }
  return {
    changes: outcomes
      .flatMap((outcome) => ('change' in outcome ? [outcome.change] : []))
      .filter((change) => !together.some(({ line }) => line === change.line)),
    left,
    verbs,
  };
}

/** A verb, with or without sudo and its like in front, and a comment behind. */
function readVerb(line: CommandLine, door: string, lookUp: PortLookUp): VerbLine | undefined {
  const earlier = earlierRule(line, door, lookUp);
  const command = parseCommand(line.value);
  if (command.kind === 'verb') return { line, command, earlier };
  const read = readShellLine(line.value);
  const [only, another] = read.ok ? read.value.commands : [];
  if (only === undefined || another !== undefined || only.redirects.length > 0) return undefined;
  const plain = unwrap(only.words).words.join(' ');
  const inner = parseCommand(plain);
  return inner.kind === 'verb' ? { line, command: inner, earlier, plain } : undefined;
}

function readPart(line: CommandLine, door: string, isVerb: boolean, lookUp: PortLookUp): Part {
  if (isVerb) return { kind: 'verb', line };
  const isLong = Buffer.byteLength(line.value) > MAX_COMMAND;
  const rule = isLong ? undefined : readRule(line.value, door, lookUp);
  if (rule === undefined) return { kind: 'shell', line, reason: 'it is too long to be one plain command' };
  if (!rule.ok) return { kind: 'shell', line, reason: rule.reason };
  const isSix = line.slot === 'start6' || line.slot === 'stop6';
  if (isSix && isIpv4Alone(rule.value)) {
    return { kind: 'shell', line, reason: 'iptables takes no IPv6 address: that is for ip6tables' };
  }
  return { kind: 'rule', line, rule: rule.value };
}

function isIpv4Alone({ families }: DoorRule): boolean {
  return families.length === 1 && families[0] === 4;
}

/** A line that only names a set is about the port that the names of set and door tell. */
function readRule(line: string, door: string, lookUp: PortLookUp): ReturnType<typeof readDoorLine> {
  const rule = readDoorLine(line, lookUp);
  if (!rule.ok || rule.value.set === undefined) return rule;
  if (rule.value.place !== undefined || rule.value.verdict === 'DROP') return rule;
  const { set } = rule.value;
  const place = placeOfSet(`${set} ${door}`, lookUp);
  const remark =
    `the set ${set} is not filled any more, and nothing tells which port its rule opens: ` +
    `${place.protocol} port ${place.ports.join()} is taken; another goes into ports of the service`;
  return ok({ ...rule.value, place, remarks: [...rule.value.remarks, remark] });
}

function earlierRule({ earlier }: CommandLine, door: string, lookUp: PortLookUp): DoorRule | undefined {
  const rule = earlier === undefined ? undefined : readRule(earlier, door, lookUp);
  return rule?.ok === true ? rule.value : undefined;
}

/** Who follows whom: an IPv6 knock uses the `_6` command, and where there is none the plain one. */
function pairUp(parts: ReadonlyMap<Slot, Part>, hasStart6: boolean, hasStop6: boolean): readonly Pair[] {
  const [start, start6, stop, stop6] = (['start', 'start6', 'stop', 'stop6'] as const).map((slot) =>
    parts.get(slot),
  );
  const pairs: Pair[] = [];
  if (start !== undefined) pairs.push({ start, stop });
  if (start !== undefined && !hasStart6 && stop6 !== undefined) {
    pairs.push({ start, stop: stop6, bar: 'stop_command_6 has no start_command_6 of its own' });
  }
  if (start6 !== undefined) {
    // With an IPv6 address iptables does nothing.
    const isVain = stop?.kind === 'rule' && isIpv4Alone(stop.rule);
    pairs.push({ start: start6, stop: hasStop6 ? stop6 : isVain ? undefined : stop });
  }
  return pairs;
}

/** What becomes of the two together: a verb does as well, or they stay, each with the reason. */
function judge({ start, stop, bar }: Pair, afterS: number): { change: Change } | { left: Left[] } {
  let reason = bar;
  if (reason === undefined && start.kind === 'rule') {
    if (stop === undefined) return { change: { line: start.line, rule: start.rule, stop } };
    if (isUndoing(stop, start.rule)) {
      if (afterS >= 1)
        return { change: { line: start.line, rule: start.rule, stop: { line: stop.line, afterS } } };
      reason = 'cmd_timeout = 0 deletes the rule at once';
    }
  }
  reason ??= `line ${start.line.number} and its stop command in line ${stop?.line.number ?? 0} are not a rule and its -D`;
  const left: Left[] = [];
  for (const part of stop === undefined ? [start] : [start, stop]) {
    if (part.kind === 'verb') continue;
    left.push({ line: part.line, reason: part.kind === 'shell' ? part.reason : reason, isRun: true });
  }
  return { left };
}

/** True where what one adds the other takes away. */
export function isSameRule(one: DoorRule, other: DoorRule): boolean {
  return one.identities.some((identity) => other.identities.includes(identity));
}

function isUndoing(stop: Part, rule: DoorRule): boolean {
  return stop.kind === 'rule' && rule.adds && !stop.rule.adds && isSameRule(stop.rule, rule);
}

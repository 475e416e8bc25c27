import { quote, type Family } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';
import type { PortLookUp } from '../shadow.js';

import { baseName, readShellLine, unwrap, type SimpleCommand } from '../shell-line.js';
import type { Effect, EffectReader, Place } from './effect.js';
import { readFirewalld } from './firewalld.js';
import { readIptables } from './rule.js';
import { readIpset, readNft } from './sets.js';
import { readUfw } from './ufw.js';

/** A door's whole command line, as one thing that a verb can do as well. */
export interface DoorRule {
  /** It lets in, or bans; else it takes that back. */
  readonly adds: boolean;
  readonly verdict: 'ACCEPT' | 'DROP';
  /** Empty: both, or not said. */
  readonly families: readonly Family[];
  /** undefined for a DROP of everything that the address sends, and where only the name of a set is told. */
  readonly place: Place | undefined;
  readonly set: string | undefined;
  /** It lets everybody in, or no more. */
  readonly isForAll: boolean;
  /** It shuts the port for everybody, as a service does anyway. */
  readonly shutsAll: boolean;
  /** True where only the first packet of a connection matches. */
  readonly newOnly: boolean;
  /** After so many seconds it ends by itself. */
  readonly timeoutS: number | undefined;
  /** What a rule and the line that takes it away have in common. */
  readonly identities: readonly string[];
  /** What a verb does otherwise. */
  readonly remarks: readonly string[];
}

const READERS: readonly EffectReader[] = [readIptables, readUfw, readFirewalld, readNft, readIpset];
/** So deep are lines in `sh -c`. */
const MAX_DEPTH = 3;

/** What one command of a line is. */
type Step =
  | { readonly kind: 'effect'; readonly effect: Effect }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'other'; readonly program: string; readonly reason: string };

/**
 * Reads a command line of a door: one command of iptables, ufw, firewalld, nft or ipset, or several that come to one thing. The
 * reason of a refusal says what a verb could not do as well.
 */
export function readDoorLine(line: string, lookUp: PortLookUp): Result<DoorRule> {
  const steps = stepsOf(line, lookUp);
  if (!steps.ok)
    return refuse(`only a shell can carry it out: a verb is one plain command (${steps.reason})`);
  const others = steps.value.flatMap((step) => (step.kind === 'other' ? [step] : []));
  const [other] = others;
  if (other !== undefined) {
    if (other.reason !== '') return refuse(other.reason);
    const isAll = others.length === steps.value.length;
    return refuse(
      isAll
        ? describeProgram(other.program, line)
        : `it runs ${quote(other.program)} too: a verb is one plain command, and the rest is for the shell`,
    );
  }
  return combine(steps.value);
}

/** The effects of those commands in a line that can be read, whatever else is in it. */
export function effectsIn(line: string, lookUp: PortLookUp): readonly Effect[] {
  const steps = stepsOf(line, lookUp);
  return steps.ok ? steps.value.flatMap((step) => (step.kind === 'effect' ? [step.effect] : [])) : [];
}

function stepsOf(line: string, lookUp: PortLookUp, depth = 0): Result<readonly Step[]> {
  const read = readShellLine(line);
  if (!read.ok) return read;
  if (read.value.commands.length === 0) return refuse('it is empty');
  const steps: Step[] = [];
  for (const command of read.value.commands) {
    if (command.joint === '|') return refuse('it has a pipe');
    if (command.redirects.some((to) => /^0?</.test(to))) return refuse('it reads a file');
    const { words } = unwrap(command.words);
    const inner = lineOfShell(words);
    if (inner === undefined || depth === MAX_DEPTH) steps.push(stepOf({ ...command, words }, lookUp));
    else {
      const deeper = stepsOf(inner, lookUp, depth + 1);
      if (!deeper.ok) return deeper;
      steps.push(...deeper.value);
    }
  }
  return ok(steps);
}

/** LINE of `sh -c LINE`. */
function lineOfShell([program = '', option, line]: readonly string[]): string | undefined {
  return ['sh', 'bash', 'dash'].includes(baseName(program)) && option === '-c' ? line : undefined;
}

/** What has no effect of its own beside a rule. */
const NOTHING = [
  /^(?:true|:|exit(?: 0)?)$/,
  /^firewall-cmd(?: -q| --quiet)* --reload$/,
  /^ufw(?: --force)? reload$/,
];

function stepOf({ words }: SimpleCommand, lookUp: PortLookUp): Step {
  const [program = '', ...rest] = words;
  const text = [baseName(program), ...rest].join(' ');
  if (NOTHING.some((pattern) => pattern.test(text))) return { kind: 'nothing' };
  const [, seconds] = /^sleep (\d{1,6})s?$/.exec(text) ?? [];
  if (seconds !== undefined) return { kind: 'wait', seconds: Number(seconds) };
  for (const reader of READERS) {
    const effect = reader(words, lookUp);
    if (effect === undefined) continue;
    return effect.ok
      ? { kind: 'effect', effect: effect.value }
      : { kind: 'other', program, reason: effect.reason };
  }
  return { kind: 'other', program, reason: '' };
}

/** Why a program is left to the shell. */
function describeProgram(program: string, line: string): string {
  const name = baseName(program);
  if (['pfctl', 'ipfw', 'ipf', 'npfctl'].includes(name)) {
    return `${quote(program)} is a packet filter of BSD, which Linux has not: knockctl accept %IP% opens here`;
  }
  if (['systemctl', 'service', 'rc-service', 'invoke-rc.d'].includes(name)) {
    return `${quote(program)} starts or stops a program, and opens no port for an address: a service of knockctl hides the port while it runs`;
  }
  if (/^ip6?tables-(?:save|restore)$/.test(name)) return `${quote(program)} is not one rule`;
  if (!line.includes('%IP%'))
    return `${quote(program)} is no firewall tool that is known here, and is not told who knocked`;
  return (
    `${quote(program)} is not iptables, ip6tables, ufw, firewall-cmd, nft or ipset: what it opens is not known here; ` +
    'have it run knockctl accept %IP% instead of a rule of its own'
  );
}

/** Several effects as one; refused where they do not come to one thing. */
function combine(steps: readonly Step[]): Result<DoorRule> {
  const effects: Effect[] = [];
  let waitS: number | undefined;
  for (const step of steps) {
    if (step.kind === 'wait') waitS = (waitS ?? 0) + step.seconds;
    if (step.kind !== 'effect') continue;
    const { effect } = step;
    const same = effects.findIndex(
      ({ identity, action }) => identity === effect.identity && action !== 'test',
    );
    const before = effects[same];
    if (before === undefined || before.action === effect.action) {
      if (effect.action !== 'test') effects.push(effect);
    } else if (before.action === 'delete' && effect.action === 'add' && waitS === undefined) {
      // Deleted first, so that it is there once.
      effects[same] = effect;
    } else if (before.action === 'add' && effect.action === 'delete' && waitS !== undefined && waitS > 0) {
      effects[same] = { ...before, timeoutS: Math.min(before.timeoutS ?? waitS, waitS) };
    } else if (effect.action !== 'test') return refuse('it adds a rule and takes it away at once');
  }
  if (waitS !== undefined && !effects.some(({ timeoutS }) => timeoutS !== undefined)) {
    return refuse('it waits, and a verb does not');
  }
  return merge(effects);
}

function merge(all: readonly Effect[]): Result<DoorRule> {
  // What shuts for everybody is what a service does anyway, if the line does something for the knocker besides.
  const own = all.filter(({ isForAll, action }) => !(isForAll && action === 'delete'));
  const effects = own.length === 0 ? all : own;
  const [first] = effects;
  if (first === undefined) return refuse('it neither lets in nor shuts out');
  const placeOf = ({ place, set }: Effect): string => JSON.stringify([place, place === undefined ? set : '']);
  const isOneThing = effects.every(
    (one) => one.action === first.action && one.verdict === first.verdict && placeOf(one) === placeOf(first),
  );
  if (!isOneThing) return refuse('it does several things, and a verb does one');
  const times = effects.flatMap(({ timeoutS }) => timeoutS ?? []);
  const families = effects.some(({ family }) => family === undefined)
    ? []
    : [...new Set(effects.flatMap(({ family }) => family ?? []))].sort();
  return ok({
    adds: first.action === 'add',
    verdict: first.verdict,
    families,
    place: first.place,
    set: first.set,
    isForAll: effects.some(({ isForAll }) => isForAll),
    shutsAll: all.some(({ isForAll, action }) => isForAll && action === 'delete'),
    newOnly: effects.every(({ newOnly }) => newOnly),
    timeoutS: times.length === 0 ? undefined : Math.max(...times),
    identities: effects.map(({ identity }) => identity),
    remarks: [...new Set(effects.flatMap(({ remarks }) => remarks))],
  });
}

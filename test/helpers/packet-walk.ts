import { splitWords } from '../../src/iptables-parser/words.js';

/** The packet of a new connection from another host, whole, as far as the rules of tests ask about it. */
export interface Packet {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly to: string;
  /** The sets that it matches, as `set src` or `set dst`. */
  readonly isIn: (set: string, by: string) => boolean;
}

export type RulesOf = (chain: string) => readonly string[];

/** What a packet meets in a chain: the verdict, or undefined where it comes through. */
export function walk(rulesOf: RulesOf, chain: string, packet: Packet, depth = 0): string | undefined {
  if (depth > 8) throw new Error(`too deep: ${chain}`);
  for (const rule of rulesOf(chain)) {
    const { matches, target, goto } = read(rule, packet);
    if (!matches || target === undefined || target === 'LOG') continue;
    if (target === 'RETURN') return undefined;
    if (['ACCEPT', 'DROP', 'REJECT'].includes(target)) return target;
    const verdict = walk(rulesOf, target, packet, depth + 1);
    if (verdict !== undefined || goto) return verdict;
  }
  return undefined;
}

interface Reading {
  readonly matches: boolean;
  readonly target: string | undefined;
  readonly goto: boolean;
}

/** Knows the options that the shipped template has, and refuses all else. */
function read(rule: string, packet: Packet): Reading {
  const words = splitWords(rule);
  let matches = true;
  let target: string | undefined;
  let goto = false;
  for (let at = 0; at < words.length; at++) {
    const negated = words[at] === '!';
    if (negated) at += 1;
    const word = words[at] ?? '';
    const next = (): string => words[++at] ?? '';
    const must = (holds: boolean): void => {
      matches &&= holds !== negated;
    };
    if (word === '-m') next();
    else if (word === '-p') must(next() === packet.protocol);
    else if (word === '-i') must(next() === 'eth0');
    else if (word === '-f' || word === '--fragfirst') must(false);
    else if (word === '--u32') must(next() === 'no header');
    else if (word === '-d') must(next() === packet.to);
    else if (word === '--dports') must(next().split(',').includes(String(packet.port)));
    else if (word === '--match-set') must(packet.isIn(next(), next()));
    else if (word === '--tcp-flags') at += 2;
    else if (word === '--rt-segsleft') must(next() === '0');
    else if (['--ctstate', '--comment', '--limit', '--log-prefix'].includes(word)) next();
    else if (word === '-j' || word === '-g') [target, goto] = [next(), word === '-g'];
    else throw new Error(`not known: ${word} in ${rule}`);
  }
  return { matches, target, goto };
}

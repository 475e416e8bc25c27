import type { ListedRule } from './nft-listing.js';

/** A transaction of iptables-restore in two parts: what it makes, and what it takes out, the latter by nft. Pure. */

/** What is made: chains, emptied where they are there, and rules. Empty where nothing is. */
export function toRestore(text: string, table: string): string {
  const lines = text.split('\n').filter((line) => /^(?::|-[AI] )/.test(line));
  return lines.length === 0 ? '' : `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
}

/**
 * What goes, for `nft -f`: rules by their handles, then chains. `handles`: those of the rules that may go, by their words. Empty where
 * nothing goes. Throws Error for a rule that has none: to take out by its looks what was not read is a blind shot.
 */
export function byHandles(
  text: string,
  protocol: 'ip' | 'ip6',
  table: string,
  handles: readonly { readonly text: string; readonly handle: number }[],
): string {
  const free = [...handles];
  const place = `${protocol} ${table}`;
  const all = text.split('\n');
  const rules = all
    .filter((line) => line.startsWith('-D '))
    .map((line) => {
      const at = free.findIndex((one) => one.text === `-A ${line.slice(3)}`);
      const [found] = at < 0 ? [] : free.splice(at, 1);
      if (found === undefined) throw new Error(`no handle of nft is known for: ${line}`);
      return `delete rule ${place} ${chainOf(line)} handle ${found.handle}`;
    });
  const chains = (letter: string): string[] =>
    all.filter((line) => line.startsWith(`-${letter} `)).map(chainOf);
  const lines = [
    ...rules,
    ...chains('F').map((chain) => `flush chain ${place} ${chain}`),
    ...chains('X').map((chain) => `delete chain ${place} ${chain}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** Of rules that were just made, the words by which they were, told by their places: `-I` puts its rule first, `-A` last. */
export function newJumps(
  text: string,
  fresh: readonly ListedRule[],
): readonly { readonly rule: ListedRule; readonly text: string }[] {
  const chains = new Set(fresh.map(({ chain }) => chain));
  return [...chains].flatMap((name) => {
    const words: string[] = [];
    for (const line of text.split('\n')) {
      if (line.startsWith(`-I ${name} `)) words.unshift(`-A ${line.slice(3)}`);
      if (line.startsWith(`-A ${name} `)) words.push(line);
    }
    const there = fresh.filter(({ chain }) => chain === name);
    if (there.length !== words.length) return []; // somebody else made one too
    return there.map((rule, index) => ({ rule, text: words[index] ?? '' }));
  });
}

/** The chain that a line is about: its second word. */
function chainOf(line: string): string {
  return line.split(' ')[1] ?? '';
}

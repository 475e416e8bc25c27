import type { ListedRule } from './nft-listing.js';

/** Splits an iptables-restore transaction in two: additions for iptables-restore, deletions for nft. Pure. */

/** Returns the additions: chains (flushed if they exist) and rules. Empty if there are none. */
export function toRestore(text: string, table: string): string {
  const lines = text.split('\n').filter((line) => /^(?::|-[AI] )/.test(line));
  return lines.length === 0 ? '' : `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
}

/**
 * Returns the deletions for `nft -f`: rules by handle, then chains. `handles`: those of the rules that may be deleted,
 * by rule text. Empty if nothing is to be deleted. Throws Error for a rule without a known handle: a rule that was not
 * read must not be deleted.
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

/** Assigns rule texts to rules that were just made, by position: `-I` inserts first, `-A` appends. */
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
    if (there.length !== words.length) return []; // another program added one too
    return there.map((rule, index) => ({ rule, text: words[index] ?? '' }));
  });
}

/** Returns the chain of a line: its second word. */
function chainOf(line: string): string {
  return line.split(' ')[1] ?? '';
}

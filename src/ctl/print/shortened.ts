/** A change among those that a repair has made. */
const CHANGE = /^(?:the )?(chain|set|jump)\b.* (?:was (missing|changed)|was there \d+ times)/;
/** So many are told one by one. */
const FEW = 4;

/** The text of a repair with a long list of changes summed up: `40 chains and sets were missing`. */
export function shortened(text: string): string {
  const parts = text.split('; ');
  const found = parts.map((part) => CHANGE.exec(part));
  const changes = found.filter((match) => match !== null);
  if (changes.length <= FEW) return text;
  const sums = ['missing', 'changed'].flatMap((how) => {
    const these = changes.filter((match) => (match[2] ?? 'changed') === how);
    const kinds = [...new Set(these.map((match) => match[1] ?? ''))].sort();
    if (these.length === 0) return [];
    return [`${these.length} ${inWords(kinds, these.length)} ${these.length === 1 ? 'was' : 'were'} ${how}`];
  });
  return [...sums, ...parts.filter((_part, index) => found[index] === null)].join('; ');
}

function inWords(kinds: readonly string[], count: number): string {
  const nouns = kinds.map((kind) => (count === 1 ? kind : `${kind}s`));
  return nouns.length < 2 ? nouns.join('') : `${nouns.slice(0, -1).join(', ')} and ${nouns.at(-1) ?? ''}`;
}

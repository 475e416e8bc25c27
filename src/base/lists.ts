/** The lists of a service as people know them, in the order in which a packet meets them (docs/interface.md, "Chains and sets"). */
export const LISTS = ['banned', 'trusted', 'filter'] as const;
export type ListName = (typeof LISTS)[number];

/** The words that name a list. */
export const LIST_WORDS = [...LISTS, 'accepted'] as const;

/** The list of that name: `accepted` is filter. */
export function listNamed(word: string): ListName | undefined {
  return word === 'accepted' ? 'filter' : LISTS.find((name) => name === word);
}

/** The lists of that name, `all` being all; undefined where the word names none. */
export function listsNamed(word: string): readonly ListName[] | undefined {
  if (word === 'all') return LISTS;
  const list = listNamed(word);
  return list === undefined ? undefined : [list];
}

/**
 * The kernel's lists, a set for each family. Doors write only to `filter` and `decoyed`: a packet can be forged, and
 * the kernel's SET target resets the time of an entry. So manual entries have their own sets, which no door changes.
 */
export const SET_LISTS = ['banned', 'trusted', 'granted', 'filter', 'decoyed'] as const;
export type SetList = (typeof SET_LISTS)[number];

/** The sets that make up each list: a ban by a door counts as a ban, a longer manual grant as an entry of filter. */
export const PARTS: Readonly<Record<ListName, readonly SetList[]>> = {
  banned: ['banned', 'decoyed'],
  trusted: ['trusted'],
  filter: ['granted', 'filter'],
};

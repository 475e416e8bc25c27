/** What the history tells of a trial. Pure. */

/** An event, as far as it matters here. */
export interface Knocked {
  readonly number: number;
  readonly kind: string;
}

/** What is to be said where nobody has knocked. */
export const UNHEARD =
  'no knock has been heard since the trial began: where knocks never arrive (a firewall in front of this host, a wrong sequence), everybody who is not trusted is locked out once this is kept';

/** True where nobody has knocked since the last trial began. */
export function isUnheardSince(events: readonly Knocked[]): boolean {
  const began = events.findLast(({ kind }) => kind === 'trial')?.number ?? 0;
  return !events.some(({ number, kind }) => number > began && kind === 'knock');
}

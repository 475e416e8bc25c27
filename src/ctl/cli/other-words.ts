import { didYouMean } from '../../config/nearest.js';

const UNBAN = 'knockctl flush ADDR lifts a ban';
const BAN = 'knockctl drop ADDR bans';
const LET_IN = 'knockctl accept ADDR lets in for a time, knockctl trust ADDR for good';
const SHUT = 'knockctl flush ADDR takes an address out, knockctl untrust ADDR one that is trusted';
const EVENTS = 'knockctl events shows what happened, with --follow what happens';
const LIST = 'knockctl list shows who is in';

/** What other programs call our commands, and what is meant here. */
const MEANT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['undrop', 'unban', 'unblock', 'pardon'].map((word) => [word, UNBAN])),
  ...Object.fromEntries(['ban', 'block', 'deny', 'reject'].map((word) => [word, BAN])),
  ...Object.fromEntries(['allow', 'permit', 'open', 'add', 'whitelist'].map((word) => [word, LET_IN])),
  ...Object.fromEntries(['close', 'delete', 'remove', 'revoke', 'unaccept'].map((word) => [word, SHUT])),
  ...Object.fromEntries(['log', 'logs', 'tail', 'history', 'journal'].map((word) => [word, EVENTS])),
  ...Object.fromEntries(['ls', 'show', 'who', 'entries'].map((word) => [word, LIST])),
  test: 'knockctl check reads the configuration, knockctl doctor looks at the host',
  validate: 'knockctl check reads the configuration',
};

/** What to say of a word that is no command. */
export function noCommand(word: string, commands: readonly string[]): string {
  const meant = Object.hasOwn(MEANT, word) ? MEANT[word] : undefined;
  const hint = meant === undefined ? didYouMean(word, commands) : `: ${meant}`;
  return `unknown command '${word}'${hint}`;
}

/** Where systemd shows a listener's unit something else than there is, by the folders at the beginning of a path. */
const HIDDEN: readonly (readonly [start: RegExp, property: string])[] = [
  [/^\/(?:root|home\/[^/]+|run\/user)(?=\/)/, 'ProtectHome'],
  [/^(?:\/var)?\/tmp(?=\/)/, 'PrivateTmp'],
];
const UNREAD = /EACCES|permission denied|cannot find module|no such file/i;
const DENIED = /EACCES|permission denied/i;

/**
 * What to do about the words of a listener in a unit of its own, or of systemd about that unit, where it could not read its program; empty
 * if they tell of something else. Pure.
 */
export function unreadAdvice(words: string): string {
  if (!UNREAD.test(words)) return '';
  const path = pathIn(words);
  for (const [start, property] of HIDDEN) {
    const [folder] = start.exec(path) ?? [];
    if (folder === undefined) continue;
    return `${folder} is hidden from the listener's unit (${property}): install knockctl and Node.js elsewhere, such as below /usr`;
  }
  return deniedAdvice(words);
}

/** The same for a listener that sees what the supervisor sees. */
export function deniedAdvice(words: string): string {
  const path = pathIn(words);
  if (path === '' || !DENIED.test(words)) return '';
  return `the listener may not read ${path}: see owner and mode of it and of each folder above (namei -l ${path})`;
}

function pathIn(words: string): string {
  return /\/[^\s'":,;]+/.exec(words)?.[0] ?? '';
}

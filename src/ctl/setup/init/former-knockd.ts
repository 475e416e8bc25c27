import { existsSync } from 'node:fs';

import { KnockError } from '../../../base/errors.js';
import { DEFAULT_FILE, FALLBACK_DOORS } from '../../../config/load.js';
import { otherKnockds } from '../../../system/other-knockd.js';
import type { Questions } from './ask.js';
import type { Places } from './places.js';

const MANUAL = 'docs/moving-from-knockd.md';

/** A knockd that is there already, in words; none where there is none. */
interface FormerKnockd {
  readonly notes: readonly string[];
  /** True where its doors are in force, or would be, and the new ones take their place. */
  readonly isReplaced: boolean;
}

/** Looks for a knockd, or what is left of one. */
export function formerKnockd({ conf, doors }: Places): FormerKnockd {
  const isReplaced = conf === DEFAULT_FILE && existsSync(FALLBACK_DOORS) && !existsSync(doors);
  const running = otherKnockds();
  return {
    isReplaced,
    notes: [
      ...(isReplaced
        ? [`there is ${FALLBACK_DOORS}: its doors count no more for knockctl once ${doors} is there`]
        : []),
      ...(running.length === 0
        ? []
        : [
            `knockd runs beside (pid ${running.join(', ')}), and opens its own doors whatever knockctl does: ${MANUAL}`,
          ]),
    ],
  };
}

/** Doors that somebody uses are not passed over in silence. False: they are to stay. Throws KnockError where nobody can be asked. */
export async function mayReplace(
  { isReplaced }: FormerKnockd,
  { doors }: Places,
  questions: Questions | undefined,
  force: boolean,
): Promise<boolean> {
  if (!isReplaced || force) return true;
  const way = `knockctl import ${FALLBACK_DOORS} takes its doors over: ${MANUAL}`;
  if (questions === undefined) {
    throw new KnockError(`there is ${FALLBACK_DOORS}, whose doors ${doors} would replace`, {
      hint: `nothing was changed; ${way}; --force begins anew`,
    });
  }
  questions.say(`  ${way}`);
  return questions.agrees('Begin anew all the same?', false);
}

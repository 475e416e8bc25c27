import { KnockError } from '../../base/errors.js';
import { deadline, type UnconfirmedTrial } from '../../runtime/generation/trial-record.js';
import type { Inventory } from '../../firewall/ownership/inventory.js';
import { timeOfDay } from '../../system/local-time.js';

/** Why there is nobody who could confirm what was on trial, while no supervisor runs; `footprint`: what of ours is in the kernel. */
export function tooLate(noted: UnconfirmedTrial, footprint: Inventory | undefined): KnockError {
  if (footprint?.supervised === true) {
    return new KnockError('the supervisor is dead: what was on trial cannot be confirmed any more', {
      hint: 'the kernel goes back by itself, at the latest at the deadline; knockctl restartifdead does it now',
    });
  }
  const until = deadline(noted);
  const why =
    Date.now() >= until.getTime()
      ? `the time was up at ${timeOfDay(until)}, the kernel has gone back`
      : 'what was on trial has been ended';
  return new KnockError(`too late: ${why}: nothing is shut`, {
    hint: 'knockctl start --trial S tries it again',
  });
}

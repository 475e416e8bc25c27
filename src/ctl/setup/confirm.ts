import { EXIT } from '../../base/errors.js';
import type { Request } from '../../wire/control.js';
import { isUnheardSince, UNHEARD, type Knocked } from '../../wire/trial.js';
import type { Context } from '../context.js';
import type { Questions } from './init/ask.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import { isStatusReport } from '../../wire/reports.js';
import { ask } from '../supervisor-client.js';

const ANSWER_MS = 5_000;

/**
 * Keeps what is on trial. If nobody has knocked since it began, a person is asked first; scripts have decided already. Gives
 * the exit code; throws KnockError.
 */
export async function confirm(
  context: Context,
  lifecycle: Lifecycle,
  questions: () => Questions | undefined,
): Promise<number> {
  using asked = context.output.json ? undefined : questions();
  // Without a terminal the answer itself says it.
  if (asked === undefined || !(await isUnheard(context))) return await lifecycle.confirm();
  asked.ifLeft = 'nothing was confirmed: the kernel goes back by itself';
  asked.say(`${UNHEARD}.`);
  if (await asked.agrees('Keep it all the same?', false)) return await lifecycle.confirm();
  asked.say('not confirmed: knock, see "OPEN SESAME" in knockctl events, and confirm then');
  return EXIT.refused;
}

/** True where something with doors is on trial, and none of them has been knocked at since. */
async function isUnheard(context: Context): Promise<boolean> {
  const report = await answerOf(context, { verb: 'status' });
  if (!isStatusReport(report) || report.trial === null || report.doors.length === 0) return false;
  const data = await answerOf(context, { verb: 'events' });
  return Array.isArray(data) && isUnheardSince(data as readonly Knocked[]);
}

/** The data of an answer; undefined where there is none: then confirming itself says why. */
async function answerOf(context: Context, request: Request): Promise<unknown> {
  try {
    const answer = await ask(context.paths().socket, request, { timeoutMs: ANSWER_MS });
    return answer.kind === 'reply' ? answer.reply.data : undefined;
  } catch {
    return undefined;
  }
}

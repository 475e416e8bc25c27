import { EXIT } from '../base/errors.js';
import type { Happening, Request } from '../wire/control.js';
import type { Context } from './context.js';
import type { Questions } from './init/ask.js';
import type { Lifecycle } from './lifecycle.js';
import { isStatusReport } from './show.js';
import { ask } from './supervisor-client.js';

const ANSWER_MS = 5_000;
const UNHEARD = 'no knock has been heard since the trial began';
const MEANS =
  'where knocks never arrive (a firewall in front of this host, a wrong sequence), everybody who is not trusted is locked out once this is kept';

/**
 * Keeps what is on trial. If nobody has knocked since it began, a person is asked first; without a terminal it is only said, for
 * scripts have decided already. Gives the exit code; throws KnockError.
 */
export async function confirm(
  context: Context,
  lifecycle: Lifecycle,
  questions: () => Questions | undefined,
): Promise<number> {
  if (!(await isUnheard(context))) return await lifecycle.confirm();
  using asked = context.output.json ? undefined : questions();
  if (asked === undefined) {
    if (!context.output.json) context.output.err(`note: ${UNHEARD}: ${MEANS}\n`);
    return await lifecycle.confirm();
  }
  asked.ifLeft = 'nothing was confirmed: the kernel goes back by itself';
  asked.say(`${UNHEARD}: ${MEANS}.`);
  if (await asked.agrees('Keep it all the same?', false)) return await lifecycle.confirm();
  asked.say('not confirmed: knock, see "OPEN SESAME" in knockctl events, and confirm then');
  return EXIT.refused;
}

/** True where something with doors is on trial, and none of them has been knocked at since. */
async function isUnheard(context: Context): Promise<boolean> {
  const report = await answerOf(context, { verb: 'status' });
  if (!isStatusReport(report) || report.trial === null || report.doors.length === 0) return false;
  const data = await answerOf(context, { verb: 'events' });
  const events = Array.isArray(data) ? (data as readonly Happening[]) : [];
  const began = events.findLast(({ kind }) => kind === 'trial')?.number ?? 0;
  return !events.some(({ number, kind }) => number > began && kind === 'knock');
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

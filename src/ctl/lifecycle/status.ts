import { errorText, EXIT, ProtocolError } from '../../base/errors.js';
import { isSupervised } from '../../firewall/ownership/inventory.js';
import { isLocked } from '../../system/lock.js';
import type { Context } from '../context.js';
import { printJson, printReply } from '../output.js';
import { isUnread, printStatus, serviceLines } from '../print/show.js';
import { isStatusReport } from '../../wire/reports.js';
import { ask } from '../supervisor-client.js';

/** A supervisor that does not answer a question for so long is taken for hung. */
const ANSWER_MS = 5_000;
/** The codes that LSB has for status. It leaves 150 to 199 to the application: it runs, but is tripped, degraded, not protected, cannot read all, or leaves out files. */
const LSB = { dead: 1, stopped: 3, unknown: 4, notArmed: 150 } as const;

const DEAD = 'the supervisor is dead; knockctl restartifdead starts a new one';
const STOPPED = 'knockctl is stopped';
const HUNG = 'a supervisor is there, but does not answer';

/** Tells how it is; the exit code is LSB's for status. */
export async function status(context: Context): Promise<number> {
  const { output } = context;
  const { lock, socket } = context.paths();
  if (!isLocked(lock)) return statusOfDead(context);
  const answer = await ask(socket, { verb: 'status' }, { timeoutMs: ANSWER_MS });
  if (answer.kind !== 'reply') {
    if (output.json) printJson(output, { state: 'unknown', meaning: HUNG });
    else
      output.out(`knockctl: ${HUNG}\n  knockctl restart replaces it; what is in the kernel stays in force\n`);
    return LSB.unknown;
  }
  const { data, exitCode } = answer.reply;
  if (exitCode !== EXIT.ok) return printReply(output, answer.reply);
  if (!isStatusReport(data)) throw new ProtocolError('the supervisor sent a malformed status');
  if (output.json) printJson(output, data);
  else printStatus(output, data);
  const isWhole = !data.services.some(isUnread) && (data.leftOut ?? []).length === 0;
  return data.state === 'armed' && isWhole ? EXIT.ok : LSB.notArmed;
}

async function statusOfDead(context: Context): Promise<number> {
  const { output } = context;
  const died = isSupervised(context.paths().inventory);
  const [state, words] = died ? ['dead', DEAD] : ['stopped', STOPPED];
  const code = died ? LSB.dead : LSB.stopped;
  let config;
  try {
    config = context.believed();
  } catch (error) {
    const problem = errorText(error); // keeps nobody from asking how it is
    if (output.json) printJson(output, { state, services: [], problem });
    else output.out(`${words}\n  note       it cannot be started: ${problem}\n`);
    return code;
  }
  const services = await (await context.direct(config)).report();
  const tried = await context.triedInVain(config);
  if (output.json) {
    printJson(output, { state, services, unconfirmed: tried !== undefined });
    return code;
  }
  const inForce = services.filter((service) => service.rules.some((rule) => rule.jump));
  const notes =
    tried === undefined ? [] : ['  note       the configuration on disk was on trial and not confirmed'];
  output.out([words, ...notes, ...inForce.flatMap(serviceLines)].join('\n') + '\n');
  return code;
}

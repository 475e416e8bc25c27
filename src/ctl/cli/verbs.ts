import { EXIT } from '../../base/errors.js';
import type { Reply, Request } from '../../wire/control.js';
import type { Context } from '../context.js';
import { printReply } from '../output.js';
import { ask } from '../supervisor-client.js';

/** A batch of 100,000 addresses takes well under a second; this is for a machine in trouble. */
const TIMEOUT_MS = 60_000;

/** Has the supervisor carry a request out; without one, acts on the kernel, and says so. */
export async function perform(context: Context, request: Request): Promise<number> {
  const answer = await ask(context.paths().socket, request, { timeoutMs: TIMEOUT_MS });
  if (answer.kind === 'reply') return printReply(context.output, answer.reply);
  const direct = await context.direct(context.believed());
  const reply = await direct.answer(request);
  const why = answer.kind === 'silent' ? 'the supervisor does not answer' : 'no supervisor is running';
  return printReply(context.output, withNote(reply, `${why}: acted on the kernel directly`));
}

function withNote(reply: Reply, text: string): Reply {
  if (reply.exitCode !== EXIT.ok) return reply;
  return { ...reply, remarks: [...reply.remarks, { level: 'note', text }] };
}

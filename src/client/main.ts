import { errorText, EXIT } from '../base/errors.js';
import { refuse, type Result } from '../base/result.js';
import { parseArguments, type KnockPlan } from './arguments.js';
import { expandWords } from './expand.js';
import type { KnockIo } from './io.js';
import { sendSequence } from './sequence.js';
import { runThen } from './then.js';
import { USAGE } from './usage.js';

/**
 * Runs the client `knock`; `argv` are the words after its name. Resolves with the exit code, that of the `--then`
 * command if it was run. Never rejects because of arguments or the network.
 */
export async function run(argv: readonly string[], io: KnockIo): Promise<number> {
  const words = expand(argv, io);
  const request = words.ok ? parseArguments(words.value, io.services, io.read) : words;
  if (!request.ok) {
    io.err(`error: ${request.reason}\n`);
    return EXIT.refused;
  }
  switch (request.value.kind) {
    case 'version':
      io.out(`knock ${io.version()} (knockctl)\n`);
      return EXIT.ok;
    case 'usage':
      if (request.value.problem !== undefined) io.err(`error: ${request.value.problem}\n`);
      io.out(USAGE);
      return EXIT.refused;
    case 'knock':
      return knockAndRun(request.value.plan, io);
  }
}

function expand(argv: readonly string[], io: KnockIo): Result<readonly string[]> {
  try {
    return expandWords(argv, { folder: io.profiles(), read: io.read });
  } catch (error) {
    return refuse(`standard input cannot be read: ${errorText(error)}`);
  }
}

async function knockAndRun(plan: KnockPlan, io: KnockIo): Promise<number> {
  const sent = await sendSequence(plan, io);
  if (plan.command === undefined) return sent ? EXIT.ok : EXIT.refused;
  if (sent) return runThen(plan.command, plan.delayMs, io);
  io.err(`error: ${plan.command[0]} was not run, because the sequence was not sent completely\n`);
  return EXIT.refused;
}

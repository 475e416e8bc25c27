import type { Command } from './arguments.js';
import type { KnockIo } from './io.js';
import { errorCode, explain, NOT_RUN } from './reasons.js';

/**
 * The shortest time from the last knock to the command. A command that comes too early is refused, or
 * waits a second for its second SYN. Measured on two busy cores, a door of knockctl's is open 0 to 20 ms
 * after its last knock (83 ms at worst), one of knockd's with an iptables command after 8 to 95 ms. Of
 * 15 commands with one SYN each, knockd's let in 2 after 0 ms, 6 after 20 ms and all after 100 ms;
 * nobody notices a tenth of a second before an ssh.
 */
const SETTLE_MS = 100;

/** What a shell gives for a command that it does not find, or cannot execute. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/**
 * Runs the command of `--then` after a sequence that went out whole; `waitedMs` is the time since the
 * last knock. Resolves with the exit code that a shell would give: the command's own, 128 + n after
 * signal n, 127 where it is not found, 126 where it cannot be executed.
 */
export async function runThen(command: Command, waitedMs: number, io: KnockIo): Promise<number> {
  if (waitedMs < SETTLE_MS) await io.sleep(SETTLE_MS - waitedMs);
  try {
    return await io.command(command);
  } catch (error) {
    io.err(`error: cannot run ${command[0]}: ${explain(error, NOT_RUN)}\n`);
    return errorCode(error) === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE;
  }
}

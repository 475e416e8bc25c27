import { setTimeout as sleep } from 'node:timers/promises';

import { errorText, EXIT } from '../../base/errors.js';
import { DEFAULT_FILE } from '../../config/load.js';
import type { Config } from '../../config/settings.js';
import { isSupervised } from '../../firewall/ownership/inventory.js';
import { readIfExists } from '../../system/files.js';
import { ageMs, isAlive, type ProcessIdentity } from '../../system/process.js';
import { isStatusReport, type ServiceReport } from '../../wire/reports.js';
import type { StatusState } from '../../wire/state.js';
import type { Context } from '../context.js';
import {
  forgetFailedStarts,
  isDue,
  MAX_FAILED_STARTS,
  noteFailedStart,
  readFailedStarts,
  SLOW_TRIES_MS,
} from './failed-starts.js';
import type { Lifecycle } from './lifecycle.js';
import { printJson } from '../output.js';
import { ask } from '../supervisor-client.js';

/** A supervisor that does not answer a question for so long is taken for hung. */
const ANSWER_MS = 5_000;
const VERB = 'restartifdead';
/** One that has begun less than this ago may not have come to its control socket yet. */
const BEGINNING_MS = 10_000;
/** States in which the switch is fed. */
const FEEDING: ReadonlySet<StatusState> = new Set<StatusState>(['armed', 'degraded', 'trial']);

/**
 * For cron: starts a supervisor that should be there and is not, or is there and does nothing. Silent where all is
 * well. Where nothing was started, or stop has been called, it does nothing. A start that fails
 * three times running: on_failure for good, the rules found saved, and few tries from then on.
 */
export async function restartIfDead(context: Context, lifecycle: Lifecycle): Promise<number> {
  const { inventory, failedStarts } = context.paths();
  const supervisor = await lifecycle.process.incumbent();
  const configuration = read(context);
  if (!isSupervised(inventory)) {
    if ('error' in configuration && !isNotConfiguredYet(context)) throw configuration.error;
    return silent(context, { wanted: false });
  }
  if ('config' in configuration && supervisor === undefined) {
    const tried = await context.triedInVain(configuration.config);
    if (tried?.before === null) return takeOutTrial(context, configuration.config);
  }
  const { verdict, reason } = await look(context, supervisor, configuration);
  if (verdict === 'well') forgetFailedStarts(failedStarts);
  if (verdict !== 'wrong') return silent(context, { running: true });
  if (supervisor !== undefined) await lifecycle.process.kill(supervisor);
  const failed = readFailedStarts(failedStarts);
  if (!isDue(failed, Date.now(), 'config' in configuration))
    return silent(context, { running: false, failed });
  note(context, reason);
  if ('error' in configuration) {
    await failedAgain(context, failedStarts, true);
    throw configuration.error;
  }
  let exitCode: number = EXIT.firewall;
  try {
    exitCode = await lifecycle.start({ boot: true });
  } finally {
    if (exitCode === EXIT.ok) forgetFailedStarts(failedStarts);
    else await failedAgain(context, failedStarts, false);
  }
  return exitCode;
}

/** Installed, and no more: nobody need hear of that each minute. */
function isNotConfiguredYet({ file }: Context): boolean {
  return file === undefined && readIfExists(DEFAULT_FILE) === undefined;
}

/** There was nothing before this trial, so there is nothing to be started again. */
async function takeOutTrial(context: Context, config: Config): Promise<number> {
  note(context, 'the supervisor of a start on trial died before it was confirmed: all of it is taken out');
  for (const text of await (await context.direct(config)).clear()) note(context, text);
  return silent(context, { wanted: false });
}

/** `reason`: why a new supervisor is needed, where one is. */
type Finding =
  | { readonly verdict: 'well' | 'beginning'; readonly reason?: undefined }
  | { readonly verdict: 'wrong'; readonly reason: string };

/** One that gives no answer is hung only once its switch has run out. */
async function look(
  context: Context,
  supervisor: ProcessIdentity | undefined,
  configuration: Configuration,
): Promise<Finding> {
  if (supervisor === undefined)
    return { verdict: 'wrong', reason: 'the supervisor is dead; starting a new one' };
  if (!('config' in configuration)) return { verdict: 'well' }; // whether it feeds cannot be asked
  const { config } = configuration;
  const answer = await ask(context.paths().socket, { verb: 'status' }, { timeoutMs: ANSWER_MS });
  if (answer.kind !== 'reply') {
    // Somebody else has just started it: another restartifdead, or an administrator.
    if (answer.kind === 'absent' && ageMs(supervisor) < BEGINNING_MS) return { verdict: 'beginning' };
    if (await feeds(context, config)) return { verdict: 'well' }; // so it lives: starting up, or very busy
    return { verdict: 'wrong', reason: 'the supervisor hangs, and the switch is tripped; replacing it' };
  }
  const { data } = answer.reply;
  if (!isStatusReport(data) || !FEEDING.has(data.state) || data.services.every(isFed))
    return { verdict: 'well' };
  // It says that it feeds, and the kernel says no: somebody may have emptied the set a moment ago.
  await sleep(2 * config.settings.failsafe.heartbeatMs);
  if ((await feeds(context, config)) || !isAlive(supervisor)) return { verdict: 'well' };
  return { verdict: 'wrong', reason: 'the supervisor answers, but does not feed the switch; replacing it' };
}

async function failedAgain(context: Context, path: string, byConfiguration: boolean): Promise<void> {
  const { count } = noteFailedStart(path, Date.now(), byConfiguration);
  if (count < MAX_FAILED_STARTS) return;
  try {
    const files = await context.applyOnFailure();
    const where = files.join(', ');
    note(
      context,
      `${count} starts have failed; on_failure is in force for good, the rules found are in ${where}`,
    );
  } catch (error) {
    note(context, `${count} starts have failed; ${errorText(error)}`);
  }
  const minutes = SLOW_TRIES_MS / 60_000;
  const fixed = byConfiguration ? ', or once the configuration is fixed' : '';
  note(context, `the next try comes in ${minutes} minutes${fixed}; knockctl start tries at once`);
}

type Configuration = { readonly config: Config } | { readonly error: unknown };

function read(context: Context): Configuration {
  try {
    return { config: context.believed() };
  } catch (error) {
    return { error };
  }
}

/** Whether each switch is fed, by the kernel's word; true where there is none to look at. */
async function feeds(context: Context, config: Config): Promise<boolean> {
  return (await (await context.direct(config)).report()).every(isFed);
}

function isFed(service: ServiceReport): boolean {
  return service.switchLeft !== null;
}

function silent({ output }: Context, data: Readonly<Record<string, unknown>>): number {
  if (output.json) printJson(output, { verb: VERB, ...data, exitCode: EXIT.ok });
  return EXIT.ok;
}

function note(context: Context, text: string): void {
  context.output.err(`note: ${text}\n`);
}

import { setTimeout as sleep } from 'node:timers/promises';

import { EXIT, KnockError } from '../base/errors.js';
import { readIfExists } from './files.js';
import { CHILD_ENV } from './exec-env.js';
import { execOk, systemExec } from './exec.js';
import { findTool, requireTool } from './tools.js';

/**
 * Programs in units of their own, started and ended by systemd. It is asked by its private socket, which root's systemctl
 * and systemd-run (but for --wait and --pipe) use: that is there from the first moment of a boot to the last of a
 * shutdown, with D-Bus or without.
 */

const TIMEOUT_MS = 15_000;
/** What systemd has just written the journal shows a moment later: so many looks, so long after each other. */
const JOURNAL_LOOKS = 5;
const JOURNAL_MS = 200;

/**
 * Starts a program in a unit of its own, and resolves once it runs. It belongs to no target: neither the beginning nor the
 * end of a boot keeps it from running. Throws KnockError or CommandError where systemd could not run it.
 */
export async function runUnit(
  unit: string,
  argv: readonly string[],
  properties: readonly string[],
): Promise<void> {
  const words = [
    ...['--quiet', '--collect', '--service-type=exec', `--unit=${unit}`, '--property=DefaultDependencies=no'],
    ...properties.map((line) => `--property=${line}`),
    ...Object.entries(CHILD_ENV).map(([name, value]) => `--setenv=${name}=${value}`),
  ];
  // systemd puts variables in for words of this kind (systemd.service(5)).
  const quoted = argv.map((word) => word.replaceAll('$', '$$$$'));
  const done = await systemExec([requireTool('systemd-run'), ...words, '--', ...quoted], {
    timeoutMs: TIMEOUT_MS,
  });
  if (done.exitCode === 0) return;
  const why = done.stderr.trim() || (await spawnFailure(unit)) || `systemd-run exited with ${done.exitCode}`;
  throw new KnockError(`systemd could not run ${unit}: ${why}`, { exitCode: EXIT.firewall });
}

/** Why systemd could not execute the program of a unit, which it tells the journal alone; empty if that does not tell. */
async function spawnFailure(unit: string): Promise<string> {
  const journalctl = findTool('journalctl');
  if (journalctl === undefined) return '';
  const argv = [journalctl, '--quiet', '--no-pager', '--output=cat', '--lines=20', `--unit=${unit}`];
  for (let look = 0; look < JOURNAL_LOOKS; look += 1) {
    const { stdout } = await systemExec(argv, { timeoutMs: 2_000 }).catch(() => ({ stdout: '' }));
    const [, step, program, reason] = /Failed at step (\w+) spawning (.+): (.+)$/m.exec(stdout) ?? [];
    if (reason !== undefined) return `${program ?? ''}: ${reason} (at step ${step ?? ''})`;
    await sleep(JOURNAL_MS);
  }
  return '';
}

/** Ends all processes of a unit by SIGKILL. Throws where it is not there any more. */
export async function killUnit(unit: string): Promise<void> {
  const argv = [requireTool('systemctl'), 'kill', '--signal=KILL', unit];
  await execOk(systemExec, argv, { timeoutMs: TIMEOUT_MS });
}

/** The process number of a unit's program; undefined where it has ended. */
export async function mainPid(unit: string): Promise<number | undefined> {
  const argv = [requireTool('systemctl'), 'show', '--property=MainPID', '--value', unit];
  const pid = Number(await execOk(systemExec, argv, { timeoutMs: TIMEOUT_MS }));
  return pid > 0 ? pid : undefined;
}

/** The unit that this process is in, by its control group; undefined where it is in none. */
export function unitOfOurs(): string | undefined {
  return /\/([^/\n]+\.service)$/m.exec(readIfExists('/proc/self/cgroup') ?? '')?.[1];
}

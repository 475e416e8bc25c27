import { existsSync } from 'node:fs';

import { errorText } from '../base/errors.js';
import { execOk, systemExec } from './exec.js';
import { native } from './native.js';
import { linkOf } from './processes.js';
import { findTool, requireTool } from './tools.js';
import { unitOfOurs } from './units.js';

/** Whoever started us as a service, and wants to be told how we are: systemd. */
export interface ServiceManager {
  /** Our unit, where it has few rights, and what needs more is to get a unit of its own. */
  readonly confinedTo: string | undefined;
  /** We are up; `text` for `systemctl status`. */
  readonly ready: (text: string) => void;
  /** How we are now. */
  readonly status: (text: string) => void;
  /** All is well, as a check has found: else systemd ends us after WatchdogSec. */
  readonly alive: () => void;
  /** We are about to end. */
  readonly stopping: () => void;
  /** True where we are ended only to be started again: then the rules may stay. */
  readonly isRestarting: () => Promise<boolean>;
}

/** For whoever started by hand: there is nobody to be told. */
const NOBODY: ServiceManager = {
  confinedTo: undefined,
  ready: () => undefined,
  status: () => undefined,
  alive: () => undefined,
  stopping: () => undefined,
  isRestarting: async () => Promise.resolve(false),
};

/** The variable with the path of systemd's socket (sd_notify(3)). */
const SOCKET = 'NOTIFY_SOCKET';
/** Set by our own unit, which may do next to nothing. */
const CONFINED = 'KNOCKCTL_CONFINED';
export const UNIT = 'knockctl.service';

/**
 * The service manager that started this very process, if one did. Datagrams come from us ourselves, for
 * systemd believes the main process alone (NotifyAccess=main): the listener, which reads packets of strangers, is in the
 * same control group. Node knows no datagrams of that kind: our native module sends them.
 */
export function serviceManager(told: (problem: string) => void): ServiceManager {
  const path = process.env[SOCKET];
  const isConfined = process.env[CONFINED] !== undefined;
  // Nothing that we start may inherit them.
  for (const name of [SOCKET, CONFINED]) Reflect.deleteProperty(process.env, name);
  if (path === undefined || !/^[/@]/.test(path)) return NOBODY;
  const { notify } = native();
  const send = (...lines: readonly string[]): void => {
    try {
      notify(path, lines.join('\n'));
    } catch (error) {
      told(`systemd cannot be told how we are: ${errorText(error)}`);
    }
  };
  const unit = unitOfOurs();
  const line = (text: string): string => `STATUS=${text.replaceAll(/[\n\r\0]/g, ' ')}`;
  return {
    confinedTo: isConfined ? unit : undefined,
    ready: (text) => {
      send('READY=1', line(text));
    },
    status: (text) => {
      send(line(text));
    },
    alive: () => {
      send('WATCHDOG=1');
    },
    stopping: () => {
      send('STOPPING=1');
    },
    isRestarting: async () => isRestarting(unit),
  };
}

/** systemd itself does not say why it ends us; the job that it is at does (org.freedesktop.systemd1(5)). */
async function isRestarting(unit: string | undefined): Promise<boolean> {
  const systemctl = findTool('systemctl');
  if (systemctl === undefined || unit === undefined) return false;
  try {
    const jobs = await systemExec([systemctl, 'list-jobs', '--no-legend', '--plain', unit], {
      timeoutMs: 2_000,
    });
    return /^\d+ \S+ (?:re|try-re)start\b/m.test(jobs.stdout.trim());
  } catch {
    return false; // then it is an end like any other, and leaves nothing
  }
}

/** The state of a unit, as far as we ask. */
export interface UnitState {
  /** A unit of its own, not one that stands for a SysV script, which would call us again. */
  readonly isOurs: boolean;
  readonly isEnabled: boolean;
}

/** Whether systemd booted this machine, as sd_booted(3) has it. */
export function isSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

/**
 * What systemd knows of our unit; undefined where systemd did not boot this machine, has no such unit, does not answer, or
 * serves another network than the one that we are in (ip-netns(8)).
 */
export async function unitState(): Promise<UnitState | undefined> {
  const systemctl = findTool('systemctl');
  if (!isSystemd() || systemctl === undefined || !isHostsNetwork()) return undefined;
  const properties = 'LoadState,FragmentPath,UnitFileState';
  const argv = [systemctl, 'show', `--property=${properties}`, UNIT];
  const { stdout } = await systemExec(argv, { timeoutMs: 10_000 }).catch(() => ({ stdout: '' }));
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
  if (value('LoadState') !== 'loaded') return undefined;
  return {
    isOurs: !value('FragmentPath').startsWith('/run/systemd/generator'),
    isEnabled: value('UnitFileState') === 'enabled',
  };
}

/** True in the network namespace of the first process, which root alone can see. */
function isHostsNetwork(): boolean {
  const first = linkOf(1, 'ns/net');
  return first === undefined || first === linkOf('self', 'ns/net');
}

/** Ends our unit, and keeps systemd from starting it again by itself. Throws CommandError. */
export async function stopUnit(): Promise<void> {
  await execOk(systemExec, [requireTool('systemctl'), 'stop', UNIT], { timeoutMs: 90_000 });
}

/** Has our unit started at each boot. Throws CommandError. */
export async function enableUnit(): Promise<void> {
  await execOk(systemExec, [requireTool('systemctl'), 'enable', UNIT], { timeoutMs: 30_000 });
}

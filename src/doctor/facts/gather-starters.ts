import { existsSync, readdirSync } from 'node:fs';

import { readIfExists } from '../../system/files.js';
import { isSystemd, unitState } from '../../system/service-manager.js';
import { findTool } from '../../system/tools.js';
import type { Starters } from './facts.js';

const CRON = '/etc/cron.d/knockctl';
const SCRIPT = '/etc/init.d/knockctl';
/** Of Debian, and of Red Hat. */
const RUN_LEVELS = ['/etc', '/etc/rc.d'].flatMap((top) => [2, 3, 4, 5].map((level) => `${top}/rc${level}.d`));
/** Debian's cron and Red Hat's, busybox included. */
const CRONS = ['cron', 'crond'];

/** What starts knockctl on this host, or could. */
export async function findStarters(): Promise<Starters> {
  const unit = await unitState();
  return {
    init: whoBoots(),
    unit: unit?.isOurs !== true ? 'absent' : unit.isEnabled ? 'enabled' : 'disabled',
    script: existsSync(SCRIPT) ? scriptState(RUN_LEVELS.flatMap(namesIn)) : 'absent',
    cron: { file: existsSync(CRON), program: CRONS.some((name) => findTool(name) !== undefined) },
  };
}

function whoBoots(): Starters['init'] {
  if (isSystemd()) return 'systemd';
  return readIfExists('/proc/1/comm')?.trim() === 'init' ? 'sysv' : undefined;
}

/** By the names of the links in the run levels: S01knockctl starts it, K01knockctl does not. */
export function scriptState(names: readonly string[]): Starters['script'] {
  const ours = names.filter((name) => /^[SK]\d\dknockctl$/.test(name));
  if (ours.length === 0) return 'unlinked';
  return ours.some((name) => name.startsWith('S')) ? 'enabled' : 'disabled';
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no such folder: no such run level
  }
}

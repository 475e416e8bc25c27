import { writeFileSync } from 'node:fs';

import { readIfExists } from './files.js';

/** Nearly the last to go when memory runs out: what then frees most is elsewhere, and without us a port is open, or nobody gets in. */
const LAST = -900;

function path(pid: number | 'self'): string {
  return `/proc/${pid}/oom_score_adj`;
}

/** Asks the kernel to end this process late when memory runs out (proc(5)); where it may not, all stays as it is. Children inherit it. */
export function goLast(): void {
  if (Number(readIfExists(path('self')) ?? 0) > LAST) set('self', LAST);
}

/** A child is none of those that are to go last: what it does is not what keeps a port shut. */
export function goAsOthers(pid: number | undefined): void {
  if (pid !== undefined) set(pid, 0);
}

function set(pid: number | 'self', value: number): void {
  try {
    writeFileSync(path(pid), String(value));
  } catch {
    // Without CAP_SYS_RESOURCE, or for a child that has ended: nothing depends on it.
  }
}

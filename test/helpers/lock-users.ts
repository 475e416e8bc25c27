import { importing, startNode } from './node-child.js';
import type { LabProcess } from './processes.js';

/** A process that looks at a lock all the time; it says `looks` before. */
export function startLooker(lock: string): LabProcess {
  return startNode(`${importing('isLocked, tryLock', 'system/lock.js')}
    tryLock(${JSON.stringify(lock)})[Symbol.dispose]();
    console.log('looks');
    for (;;) isLocked(${JSON.stringify(lock)});`);
}

/**
 * A supervisor that never comes to its control socket: waits for the lock, notes who it is, and does nothing else. It says
 * `waits`, and then `noted`.
 */
export function startHolder({ lock, supervisor }: { lock: string; supervisor: string }): LabProcess {
  return startNode(`${importing('tryLock', 'system/lock.js')}
    ${importing('formatIdentity, identify', 'system/process.js')}
    import { writeFileSync } from 'node:fs';
    let held;
    const take = () => {
      held ??= tryLock(${JSON.stringify(lock)});
      if (held === undefined) return setTimeout(take, 1);
      writeFileSync(${JSON.stringify(supervisor)}, formatIdentity(identify(process.pid)));
      console.log('noted');
      setInterval(() => held, 1000);
    };
    console.log('waits');
    take();`);
}

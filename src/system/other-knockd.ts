import { basename } from 'node:path';

import { allProcesses, linkOf } from './processes.js';

/** Process numbers of programs called knockd that hear the packets that we hear. Ours is not among them: it is Node. */
export function otherKnockds(): number[] {
  const here = linkOf('self', 'ns/net');
  return allProcesses().filter(
    (pid) => basename(linkOf(pid, 'exe') ?? '') === 'knockd' && linkOf(pid, 'ns/net') === here,
  );
}

import type { Family } from '../../base/address.js';
import { execOk, type Exec } from '../../system/exec.js';
import type { Backend } from './backend.js';
import { ALL_READABLE, PROBES, REASSEMBLERS, type Readable, type Reassembler } from '../model/readable.js';

/** Nothing has this name, and nothing gets it: `--test` changes nothing. */
const CHAIN = 'knockctl_probe';
const TIMEOUT_MS = 5_000;
/** What changes nothing needs no lock: who holds it for a minute must not hold up a command. Of legacy alone. */
const NO_LOCK = ['/usr/bin/env', 'XTABLES_LOCKFILE=/dev/null'];

/**
 * Which matches a back end can load into this kernel, asked of both by `--test`. Only a chain with the match is refused
 * while one without it is taken: whatever else is wrong (a lock, no permission) is told by those who write rules.
 */
export async function probeReadable(
  exec: Exec,
  { tools }: Backend,
  families: readonly Family[],
): Promise<ReadonlyMap<Family, Readable>> {
  const result = new Map<Family, Readable>();
  for (const family of families) result.set(family, await probeFamily(exec, tools[family].restore, family));
  return result;
}

async function probeFamily(exec: Exec, restore: string, family: Family): Promise<Readable> {
  const takes = async (...matches: readonly string[]): Promise<boolean> => {
    const rules = matches.map((match) => `-A ${CHAIN} ${match} -j RETURN`);
    const input = ['*filter', `:${CHAIN} - [0:0]`, ...rules, 'COMMIT', ''].join('\n');
    try {
      const argv = [...NO_LOCK, restore, '--test', '--noflush', '-w', '1'];
      await execOk(exec, argv, { input, timeoutMs: TIMEOUT_MS });
      return true;
    } catch {
      return false; // why, the next question tells
    }
  };
  const more = family === 6 ? Object.values(PROBES) : [];
  if (await takes(REASSEMBLERS.socket, ...more)) return ALL_READABLE;
  if (!(await takes())) return ALL_READABLE;
  let reassemble: Reassembler | undefined;
  for (const name of ['socket', 'conntrack'] as const) {
    if (reassemble === undefined && (await takes(REASSEMBLERS[name]))) reassemble = name;
  }
  return {
    reassemble,
    fragment: family === 4 || (await takes(PROBES.fragment)),
    routed: family === 4 || (await takes(PROBES.routed)),
    headers: family === 4 || (await takes(PROBES.headers)),
  };
}

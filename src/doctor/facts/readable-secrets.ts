import { runPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import { PERSISTENT } from '../../firewall/ownership/saved-sets.js';
import { readIfExists } from '../../system/files.js';
import { isReadableByOthers } from '../../system/readable-by-others.js';
import type { ReadableSecret } from './facts.js';

/** Where iptables-persistent, and Red Hat's services, load rules from. */
export const SAVED = [...PERSISTENT, '/etc/sysconfig/iptables', '/etc/sysconfig/ip6tables'];
/** A chain that follows a door, as compile.ts names it: in saved rules it has the ports. */
const DOOR_CHAIN = /^:k(?:nock|-[\w-]+)\.step /m;

/** The files of this host that hold a sequence and that every user can read. */
export function readableSecrets({ settings, doors }: Config): ReadableSecret[] {
  const { paths, log } = settings;
  const logs = [log.file, runPaths(paths).log].flatMap((path) =>
    path === undefined ? [] : [path, `${path}.1`],
  );
  const files: ReadableSecret[] = [
    { path: paths.doors, holds: 'holds the sequences' },
    ...doors.flatMap(({ oneTime }) =>
      oneTime === undefined ? [] : [{ path: oneTime.path, holds: 'holds one-time sequences' }],
    ),
    ...logs.map((path) => ({ path, holds: 'tells who came how far in which sequence' })),
    ...SAVED.filter((path) => DOOR_CHAIN.test(readIfExists(path) ?? '')).map((path) => ({
      path,
      holds: 'holds the sequences, as rules that follow them',
    })),
  ];
  const unique = new Map(files.map((file) => [file.path, file]));
  return [...unique.values()].filter(({ path }) => isReadableByOthers(path));
}

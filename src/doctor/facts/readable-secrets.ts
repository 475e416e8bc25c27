import { runPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import { PERSISTENT } from '../../firewall/ownership/saved-sets.js';
import { readIfExists } from '../../system/files.js';
import { isReadableByOthers } from '../../system/readable-by-others.js';
import type { ReadableSecret } from './facts.js';

/** The files from which iptables-persistent and Red Hat's services load rules. */
export const SAVED = [...PERSISTENT, '/etc/sysconfig/iptables', '/etc/sysconfig/ip6tables'];
/** A chain that follows doors, as compile.ts names it: saved rules with it reveal the ports. */
const DOOR_CHAIN = /^:k(?:nock|-[\w-]+)\.step /m;

/** Returns the files that contain a sequence and that every user can read. */
export function readableSecrets({ settings, doors }: Config): ReadableSecret[] {
  const { paths, log } = settings;
  const logs = [log.file, runPaths(paths).log].flatMap((path) =>
    path === undefined ? [] : [path, `${path}.1`],
  );
  const files: ReadableSecret[] = [
    { path: paths.doors, holds: 'contains the sequences' },
    ...doors.flatMap(({ oneTime }) =>
      oneTime === undefined ? [] : [{ path: oneTime.path, holds: 'contains one-time sequences' }],
    ),
    ...logs.map((path) => ({ path, holds: 'shows the progress of each source in a sequence' })),
    ...SAVED.filter((path) => DOOR_CHAIN.test(readIfExists(path) ?? '')).map((path) => ({
      path,
      holds: 'contains the sequences, as rules that follow them',
    })),
  ];
  const unique = new Map(files.map((file) => [file.path, file]));
  return [...unique.values()].filter(({ path }) => isReadableByOthers(path));
}

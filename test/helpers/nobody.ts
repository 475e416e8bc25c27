import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const SETPRIV = ['/usr/bin/setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups', '--'];
/** Makes the checkout reachable below a folder that lets nobody through, in the mount namespace of `ip netns exec`. */
const OPEN_WAY =
  'mount --bind "$1" /mnt && mount -t tmpfs -o mode=755 tmpfs "$2" && mkdir -p "$1" && mount --bind /mnt "$1" && shift 2 && exec "$@"';

/** What stands before a command that a lab runs as nobody; the checkout may lie in a private folder, such as /root. */
export const AS_NOBODY: readonly string[] = makePrefix();

function makePrefix(): string[] {
  let shut: string | undefined;
  for (let folder = dirname(ROOT); folder !== '/'; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) shut = folder;
  }
  return shut === undefined ? SETPRIV : ['/bin/sh', '-c', OPEN_WAY, 'sh', ROOT, shut, ...SETPRIV];
}

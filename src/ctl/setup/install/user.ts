import { OWN_USER, findUser } from '../../../system/privileges.js';
import { execOk, systemExec } from '../../../system/exec.js';
import { findTool } from '../../../system/tools.js';
import { errorText } from '../../../base/errors.js';

/** Under this name the list of what was installed has the user, with its number. */
export const USER_ENTRY = `user ${OWN_USER}`;

const NOWHERE = '/nonexistent';

/** Makes the listener's user where it is missing. Gives its number if that was done, or why it could not be. */
export async function makeUser(): Promise<{ readonly uid?: string; readonly note?: string }> {
  if (findUser(OWN_USER) !== undefined) return {};
  const shell = findTool('nologin') ?? '/bin/false';
  const useradd = findTool('useradd');
  const adduser = findTool('adduser'); // busybox
  try {
    if (useradd !== undefined) {
      const looks = ['--system', '--user-group', '--no-create-home', '--home-dir', NOWHERE, '--shell', shell];
      await execOk(systemExec, [useradd, ...looks, OWN_USER]);
    } else if (adduser !== undefined) {
      await execOk(systemExec, [adduser, '-S', '-D', '-H', '-h', NOWHERE, '-s', shell, OWN_USER]);
    }
  } catch (error) {
    return {
      note: `the user ${OWN_USER} could not be made, so the listener runs as nobody: ${errorText(error)}`,
    };
  }
  const made = findUser(OWN_USER);
  if (made !== undefined) return { uid: String(made.uid) };
  return {
    note: `there is neither useradd nor adduser to make the user ${OWN_USER}: the listener runs as nobody`,
  };
}

/** Takes that user away again, if it is still the one that was made. True if it is gone. */
export async function removeUser(uid: string): Promise<boolean> {
  if (String(findUser(OWN_USER)?.uid) !== uid) return false;
  const tool = findTool('userdel') ?? findTool('deluser');
  if (tool === undefined) return false;
  return (await systemExec([tool, OWN_USER])).exitCode === 0;
}

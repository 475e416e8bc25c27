import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';

import { EXIT, KnockError } from '../../../base/errors.js';
import { DEFAULT_FILE } from '../../../config/load.js';
import { holdsOurs, PERSISTENT } from '../../../firewall/ownership/saved-sets.js';
import { shipped } from '../../../system/install-paths.js';
import { systemExec } from '../../../system/exec.js';
import { makePrivateFolder, readIfExists, removeFile, replaceFile } from '../../../system/files.js';
import { StateFile } from '../../../system/state-file.js';
import { isSystemd } from '../../../system/service-manager.js';
import { findTool } from '../../../system/tools.js';
import { isFields } from '../../../wire/guards.js';
import type { Context } from '../../context.js';
import { Lifecycle } from '../../lifecycle/lifecycle.js';
import { printJson, type Output } from '../../output.js';
import { FILES, PLACEHOLDER, PROGRAMS } from './files.js';
import { requireOwnOrigin } from './origin.js';
import { makeUser, removeUser, USER_ENTRY } from './user.js';

const SCRIPT = '/etc/init.d/knockctl';

/** What was installed: the check sum of each file, and where each link leads. */
type Installed = Readonly<Record<string, string>>;

const LIST = new StateFile<Installed>('/var/lib/knockctl/installed.json', {
  parse: (document) => (isInstalled(document) ? document : undefined),
  hint: 'it tells what may be replaced or removed: remove it, and files of knockctl that are there count as changed',
  isIndented: true,
});

/**
 * Puts init script, unit, cron file, log rotation, man pages and completion in place, for a checkout or an installation by
 * npm; starts nothing, and enables nothing. A file that somebody has changed since is left as it is, and told.
 */
export async function install(context: Context): Promise<number> {
  if (context.file !== undefined) {
    throw new KnockError(
      `what is installed works with ${DEFAULT_FILE}: -c ${context.file} would be ignored`,
      {
        exitCode: EXIT.usage,
        hint: 'knockctl install without -c; nothing was changed',
      },
    );
  }
  await refuseBesideDebian();
  requireOwnOrigin();
  const before = LIST.read() ?? {};
  const installed: Record<string, string> = {};
  const notes: string[] = [];
  const command = link(installed, notes, before);
  for (const { source, target, mode, where } of FILES) {
    if (where !== undefined && !existsSync(where)) continue;
    const text = readIfExists(shipped(source));
    if (text === undefined)
      throw new KnockError(`${shipped(source)} is missing`, { hint: 'install the package anew' });
    const wanted = text.replaceAll(PLACEHOLDER, command);
    const there = readIfExists(target);
    if (there !== undefined && there !== wanted && sum(there) !== before[target]) {
      notes.push(`${target} was changed, or is not ours: left as it is`);
      continue;
    }
    mkdirSync(dirname(target), { recursive: true });
    replaceFile(target, wanted, mode);
    chmodSync(target, mode);
    installed[target] = sum(wanted);
  }
  const { uid = before[USER_ENTRY], note } = await makeUser();
  if (uid !== undefined) installed[USER_ENTRY] = uid;
  if (note !== undefined) notes.push(note);
  makePrivateFolder(dirname(LIST.path));
  LIST.write(installed);
  await reloadSystemd();
  const next = isSystemd()
    ? 'systemctl enable --now knockctl'
    : 'knockctl start, and update-rc.d knockctl defaults';
  return say(context.output, { installed: Object.keys(installed), notes }, [
    ...Object.keys(installed).map((path) => `installed ${path}`),
    `nothing is started yet; next: knockctl init, which has it tried, then ${next}`,
  ]);
}

/** Stops knockctl, and takes away what install has put in place; configuration and state stay. */
export async function uninstall(context: Context): Promise<number> {
  await refuseBesideDebian();
  const list = LIST.read() ?? {};
  if (Object.keys(list).length === 0) {
    throw new KnockError('knockctl install has put nothing here', {
      hint: 'npm uninstall -g knockctl removes what npm has',
    });
  }
  const stopped = await new Lifecycle(context).stop();
  if (stopped !== EXIT.ok) return stopped; // told why; a port must not stay shut with nobody there
  const systemctl = isSystemd() ? findTool('systemctl') : undefined;
  if (systemctl !== undefined) await systemExec([systemctl, 'disable', '--quiet', 'knockctl.service']);
  const removed: string[] = [];
  const notes: string[] = [];
  for (const [path, mark] of Object.entries(list)) {
    if (path === USER_ENTRY) {
      if (await removeUser(mark)) removed.push(path);
      else notes.push(`${path} is not the one that was made, or could not be removed: left as it is`);
    } else if (markOf(path) === mark) {
      removeFile(path);
      removed.push(path);
    } else if (existsSync(path)) notes.push(`${path} was changed since: left as it is`);
  }
  LIST.remove();
  // Links to the init script, which enabling a unit of the same name has made as well.
  const updateRc = findTool('update-rc.d');
  if (updateRc !== undefined && !existsSync(SCRIPT)) await systemExec([updateRc, 'knockctl', 'remove']);
  await reloadSystemd();
  notes.push(...PERSISTENT.flatMap(loadsNoMore));
  return say(context.output, { removed, notes }, [
    ...removed.map((path) => `removed ${path}`),
    'configuration and state stay: /etc/knockctl, /var/lib/knockctl',
  ]);
}

/** Saved rules with ours in them load no more. */
function loadsNoMore(path: string): string[] {
  if (!holdsOurs(readIfExists(path) ?? '')) return [];
  return [
    `${path} has rules of knockctl, and cannot be loaded at the next boot: netfilter-persistent save writes it anew`,
  ];
}

/** Links to the programs, where npm has made none. Gives the path by which knockctl is called. */
function link(installed: Record<string, string>, notes: string[], before: Installed): string {
  let command = '';
  for (const { source, target } of PROGRAMS) {
    const program = shipped(source);
    const name = target.slice(target.lastIndexOf('/') + 1);
    const found = findTool(name);
    const isThere = found !== undefined && realpathSync(found) === realpathSync(program);
    if (isThere && before[found] === undefined) {
      if (command === '') command = found;
      continue;
    }
    const isOfOurs = found !== undefined && before[found] === markOf(found); // by another checkout, or an older version
    if (found !== undefined && !isThere && !isOfOurs) {
      notes.push(`${found} is another ${name}: left as it is`);
      if (command === '') command = program;
      continue;
    }
    removeFile(target);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(program, target);
    installed[target] = `-> ${program}`;
    if (command === '') command = target;
  }
  return command;
}

/** What stands at a path now, as the list would have it. */
function markOf(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return stat.isSymbolicLink() ? `-> ${readlinkSync(path)}` : sum(readIfExists(path) ?? '');
}

function sum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function isInstalled(document: unknown): document is Installed {
  return isFields(document) && Object.values(document).every((mark) => typeof mark === 'string');
}

async function refuseBesideDebian(): Promise<void> {
  const query = findTool('dpkg-query');
  if (query === undefined) return;
  // One that was removed and not purged is still known.
  const { stdout } = await systemExec([query, '-W', '-f', '${db:Status-Status}', 'knockctl']);
  if (stdout.trim() !== 'installed') return;
  throw new KnockError('knockctl is installed as a Debian package', {
    hint: 'apt-get remove knockctl takes that away; apt-get upgrade renews it',
  });
}

async function reloadSystemd(): Promise<void> {
  const systemctl = isSystemd() ? findTool('systemctl') : undefined;
  if (systemctl !== undefined) await systemExec([systemctl, 'daemon-reload']);
}

function say(
  output: Output,
  data: Readonly<Record<string, unknown>> & { readonly notes: readonly string[] },
  lines: readonly string[],
): number {
  if (output.json) printJson(output, { ...data, exitCode: EXIT.ok });
  else {
    for (const text of lines) output.out(`${text}\n`);
    for (const text of data.notes) output.err(`note: ${text}\n`);
  }
  return EXIT.ok;
}

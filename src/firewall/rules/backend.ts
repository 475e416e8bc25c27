import type { Family } from '../../base/address.js';
import { CommandError, EXIT, KnockError } from '../../base/errors.js';
import { execOk, type Exec } from '../../system/exec.js';
import { isErrno, readIfExists } from '../../system/files.js';
import { findTool } from '../../system/tools.js';
import type { BackendName } from '../model/backend-name.js';
import { unsavedTable } from './saved.js';

/** The programs of one family in one back end, by absolute path. */
interface TableTools {
  readonly save: string;
  readonly restore: string;
}

export interface Backend {
  readonly name: BackendName;
  readonly tools: Readonly<Record<Family, TableTools>>;
  /** Why this one, in words for logs and `status`. */
  readonly reason: string;
}

const NO_TOOLS = { save: '', restore: '' };
/** For those who have no service: the host may have no iptables at all. */
export const NO_BACKEND: Backend = {
  name: 'nft',
  reason: 'no service: not used',
  tools: { 4: NO_TOOLS, 6: NO_TOOLS },
};

/** Where the kernel lists the tables that legacy iptables has made, by family. */
const LEGACY_TABLES: Readonly<Record<Family, string>> = {
  4: '/proc/net/ip_tables_names',
  6: '/proc/net/ip6_tables_names',
};

/**
 * Chooses the back end. `auto` follows the host: where rules stand in one back end only, that one;
 * else the one that the name `iptables` leads to (update-alternatives). Looking is free of side
 * effects: the legacy tools load kernel modules, so they are only called where tables exist.
 */
export async function chooseBackend(exec: Exec, wanted: BackendName | 'auto'): Promise<Backend> {
  if (wanted !== 'auto') return namedBackend(wanted, `backend = ${wanted}`);
  const legacyRules = await legacyInUse(exec);
  const nftRules = await nftInUse(exec);
  if (legacyRules !== nftRules) {
    const used = legacyRules ? 'legacy' : 'nft';
    if (hasBackend(used)) return namedBackend(used, `this host has its rules in ${used}`);
  }
  const fallback = await defaultBackend(exec);
  return namedBackend(fallback, 'the host’s iptables command is this one');
}

function toolPath(family: Family, name: BackendName, verb: 'save' | 'restore'): string | undefined {
  const command = family === 4 ? 'iptables' : 'ip6tables';
  return findTool(`${command}-${name}-${verb}`);
}

function hasBackend(name: BackendName): boolean {
  return toolPath(4, name, 'restore') !== undefined;
}

/** One of them, whatever the host uses. Throws KnockError (exit 69) where it is not installed. */
export function namedBackend(name: BackendName, reason: string): Backend {
  const tools = (family: Family): TableTools => {
    const save = toolPath(family, name, 'save');
    const restore = toolPath(family, name, 'restore');
    if (save !== undefined && restore !== undefined) return { save, restore };
    throw new KnockError(
      `the ${name} back end of ${family === 4 ? 'iptables' : 'ip6tables'} is not installed`,
      {
        exitCode: EXIT.firewall,
        hint: 'apt-get install iptables',
      },
    );
  };
  return { name, reason, tools: { 4: tools(4), 6: tools(6) } };
}

/** A save that takes longer hangs. */
const LOOK_MS = 5_000;

async function defaultBackend(exec: Exec): Promise<BackendName> {
  const iptables = findTool('iptables');
  if (iptables === undefined) {
    throw new KnockError('iptables is not installed', {
      exitCode: EXIT.firewall,
      hint: 'apt-get install iptables',
    });
  }
  return (await execOk(exec, [iptables, '--version'])).includes('legacy') ? 'legacy' : 'nft';
}

/**
 * Whether legacy iptables has made tables: only then may its tools be asked, for they load modules of the kernel. A list that
 * nobody lets us read is that of a user namespace without rights to its network's files (older LXC): its tools cannot read it
 * either, so no tables of theirs are in use there.
 */
export function hasLegacyTables(family: Family): boolean {
  try {
    return (readIfExists(LEGACY_TABLES[family]) ?? '').trim() !== '';
  } catch (error) {
    if (isErrno(error, 'EACCES') || isErrno(error, 'EPERM')) return false;
    throw error;
  }
}

async function legacyInUse(exec: Exec): Promise<boolean> {
  for (const family of [4, 6] as const) {
    const save = toolPath(family, 'legacy', 'save');
    if (!hasLegacyTables(family) || save === undefined) continue;
    if ((await savedRules(exec, save)) === 'some') return true;
  }
  return false;
}

async function nftInUse(exec: Exec): Promise<boolean> {
  for (const family of [4, 6] as const) {
    const save = toolPath(family, 'nft', 'save');
    if (save !== undefined && (await savedRules(exec, save)) !== 'none') return true;
  }
  return false;
}

/** A save that cannot tell the rules (see isWholeSave) is the sign of some; one that cannot be had tells nothing, and is none. */
async function savedRules(exec: Exec, save: string): Promise<'some' | 'none'> {
  try {
    const { exitCode, stdout } = await exec([save], { timeoutMs: LOOK_MS });
    const isPart = exitCode === 0 ? unsavedTable(stdout) !== undefined : /^\*/m.test(stdout);
    return isPart || hasRules(stdout) ? 'some' : 'none';
  } catch (error) {
    if (error instanceof CommandError) return 'none';
    throw error;
  }
}

/** Anything beyond empty built-in chains with the policy ACCEPT. */
function hasRules(saved: string): boolean {
  return saved.split('\n').some((line) => line.startsWith('-A ') || /^:\S+ (?:DROP|-) /.test(line));
}

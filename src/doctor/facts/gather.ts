import { existsSync, readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

import { ConfigError, errorText } from '../../base/errors.js';
import { DEFAULT_FILE } from '../../config/load.js';
import type { Config } from '../../config/settings.js';
import type { BackendName } from '../../firewall/model/backend-name.js';
import { chooseBackend, namedBackend } from '../../firewall/rules/backend.js';
import { probeReadable } from '../../firewall/rules/readable-probe.js';
import { readableNotes } from '../../firewall/model/readable.js';
import { checkTemplate } from '../../firewall/rules/template-file.js';
import { systemExec } from '../../system/exec.js';
import { readIfExists } from '../../system/files.js';
import { listeningPorts } from '../../system/listening.js';
import { findUser, runsAs } from '../../system/privileges.js';
import { socketOwners } from '../../system/processes.js';
import type { SshSession } from '../../system/session.js';
import { otherKnockds } from '../../system/other-knockd.js';
import { findTool } from '../../system/tools.js';
import type { Recognised } from '../../wire/reports.js';
import type { Facts, SupervisorStatus, Probe, SavedRules, UnconfirmedTrial, SavedSets } from './facts.js';
import { readableSecrets, SAVED } from './readable-secrets.js';
import { gatherRules } from './gather-rules.js';
import { findStarters } from './gather-starters.js';
import { backendsOfOurs } from './ours.js';

/** What only the programs above can tell. */
interface GatherParts {
  /** The knockctl.conf given with -c. */
  readonly file: string | undefined;
  readonly config: () => Config;
  readonly recognised: (config: Config) => readonly Recognised[];
  /** A trial of this configuration that was not confirmed. Throws KnockError where its note is damaged. */
  readonly tried: (config: Config) => UnconfirmedTrial | undefined;
  /** How it is with the supervisor. */
  readonly life: () => Promise<SupervisorStatus>;
  /** Sends a packet to the capture. */
  readonly probe: () => Promise<Probe>;
  readonly session: SshSession | undefined;
}

const TOOLS = ['iptables', 'ip6tables', 'ipset', 'setpriv', 'stdbuf', 'flock', 'nft'];
/** Where sets are loaded from; `plugin`: if netfilter-persistent has one of such a name. */
const SAVED_SETS: readonly { readonly path: string; readonly by: string; readonly plugin?: RegExp }[] = [
  { path: '/etc/iptables/ipsets', by: 'ipset-persistent', plugin: /ipset$/ },
  { path: '/etc/sysconfig/ipset', by: 'ipset.service' },
  { path: '/etc/ipset.conf', by: 'ipset.service' },
];
const PLUGINS = '/usr/share/netfilter-persistent/plugins.d';

/** Looks at this host; changes nothing. */
export async function gather(parts: GatherParts): Promise<Facts> {
  const config = readConfig(parts);
  const [found, probe, life, starters, chosen, ipsetProblem] = await Promise.all([
    gatherRules(systemExec),
    parts.probe(),
    parts.life(),
    findStarters(),
    chosenBackend(config),
    askIpset(),
  ]);
  const standing = backendsOfOurs(found.rules);
  // Where ours stand goes before where they would go: `auto` follows the rules that are there.
  const backend = standing.length === 1 ? standing[0] : chosen;
  const unreadable = await whatCannotBeRead(config, backend);
  return {
    config,
    ...templateFacts(config),
    unreadable,
    recognised: config.ok ? parts.recognised(config.value) : [],
    tried: readTried(config, parts),
    life,
    missingTools: TOOLS.filter((name) => findTool(name) === undefined),
    ipsetProblem,
    probe,
    backend,
    ...found,
    addresses: reachableAddresses(),
    interfaces: interfaceNames(),
    listenerUser: config.ok ? userKind(config.value.settings.listener.user) : 'fit',
    listening: listening(),
    knockds: otherKnockds(),
    savedRules: readSaved(),
    savedSets: readSavedSets(),
    readableSecrets: config.ok ? readableSecrets(config.value) : [],
    hasPlugin: plugins().some((name) => name.endsWith('knockctl')),
    starters,
    session: parts.session,
  };
}

function readConfig({ config, file }: GatherParts): Facts['config'] {
  try {
    return { ok: true, value: config() };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { ok: false, faults: error.faults, isWritten: existsSync(file ?? DEFAULT_FILE) };
  }
}

function templateFacts(config: Facts['config']): Pick<Facts, 'templateFaults' | 'templateRemarks'> {
  if (!config.ok) return { templateFaults: [], templateRemarks: [] };
  const { services, firewall, paths } = config.value.settings;
  try {
    const templateRemarks = checkTemplate(services, { ...firewall, rulesFolder: paths.rules });
    return { templateFaults: [], templateRemarks };
  } catch (error) {
    if (error instanceof ConfigError) return { templateFaults: error.faults, templateRemarks: [] };
    throw error;
  }
}

function readTried(config: Facts['config'], { tried }: GatherParts): Facts['tried'] {
  if (!config.ok) return undefined;
  try {
    return tried(config.value);
  } catch (error) {
    // A template that cannot be read is told by itself; else the note is damaged.
    return error instanceof ConfigError ? undefined : errorText(error);
  }
}

async function chosenBackend(config: Facts['config']): Promise<BackendName | undefined> {
  try {
    return (await chooseBackend(systemExec, config.ok ? config.value.settings.firewall.backend : 'auto'))
      .name;
  } catch {
    return undefined; // a missing tool: told as such
  }
}

async function whatCannotBeRead(
  config: Facts['config'],
  backend: BackendName | undefined,
): Promise<readonly string[]> {
  if (!config.ok || backend === undefined || config.value.settings.services.length === 0) return [];
  try {
    const { families } = config.value.settings.firewall;
    return readableNotes(await probeReadable(systemExec, namedBackend(backend, 'doctor'), families));
  } catch {
    return []; // a missing tool: told as such
  }
}

async function askIpset(): Promise<string | undefined> {
  const ipset = findTool('ipset');
  if (ipset === undefined) return undefined;
  try {
    const { exitCode, stderr } = await systemExec([ipset, 'list', '-n']);
    return exitCode === 0 ? undefined : stderr.trim();
  } catch (error) {
    return errorText(error);
  }
}

/** Not loopback, nor link-local: what is reached from elsewhere. */
function reachableAddresses(): Facts['addresses'] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^(?:fe80|169\.254\.)/i.test(address))
    .map(({ family, address }) => ({ family: family === 'IPv6' ? 6 : 4, text: address }));
}

/** Those without an address too, and of this network namespace: /sys may be another's. */
function interfaceNames(): string[] {
  const lines = (readIfExists('/proc/net/dev') ?? '').matchAll(/^ *(\S+):/gm);
  return [...lines].map(([, name = '']) => name);
}

function userKind(name: string): Facts['listenerUser'] {
  const user = findUser(runsAs(name));
  if (user === undefined) return 'absent';
  if (runsAs(name) !== name) return 'spare';
  return user.uid === 0 || user.gid === 0 ? 'root' : 'fit';
}

function listening(): Facts['listening'] {
  const owners = socketOwners();
  return listeningPorts().map(({ inode, ...port }) => ({ ...port, program: owners.get(inode) }));
}

/** What netfilter-persistent calls. */
function plugins(): readonly string[] {
  return existsSync(PLUGINS) ? readdirSync(PLUGINS) : [];
}

/** Files of sets that are there, and whoever loads them. */
function readSavedSets(): SavedSets[] {
  return SAVED_SETS.flatMap(({ path, by, plugin }) => {
    if (plugin !== undefined && !plugins().some((name) => plugin.test(name))) return [];
    const text = readIfExists(path);
    return text === undefined ? [] : [{ path, text, by }];
  });
}

function readSaved(): SavedRules[] {
  return SAVED.flatMap((path) => {
    const text = readIfExists(path);
    return text === undefined ? [] : [{ path, text }];
  });
}

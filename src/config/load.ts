import type { Network } from '../base/address.js';
import { ConfigError, errorText, formatFault, type ConfigFault } from '../base/errors.js';
import { ok, refuse, type Result } from '../base/result.js';

import { parseKnockctlConf, type KnockctlConf } from './knockctl-conf.js';
import { parseKnockdConf, type KnockdConf, type KnockdOptions } from './knockd-conf.js';
import type { LoadOptions, LoadState } from './load-options.js';
import { mergeOptions } from './merge.js';
import { readOneTimeDoors } from './one-time.js';
import { KEYS } from './schema.js';
import { impliedService } from './services.js';
import type { Config, DoorCommand, DoorSettings, ServiceSettings, TrustedEntry } from './settings.js';
import { opensNothing } from './opens-nothing.js';
import { portNames, shadowedPorts } from './shadow.js';
import { parseTrusted } from './trusted.js';

/** Where knockctl.conf is looked for without `-c`. */
export const DEFAULT_FILE = '/etc/knockctl/knockctl.conf';
/** Where the doors are looked for when there is no file at the default of `[paths] doors`. */
export const FALLBACK_DOORS = '/etc/knockd.conf';

/** Reads a whole text file; undefined where it does not exist. Throws where it cannot be read. */
export type ReadText = (path: string) => string | undefined;

/** What the check of all three files gathers. */
interface Findings {
  readonly faults: ConfigFault[];
  readonly warnings: ConfigFault[];
}

/**
 * Reads knockctl.conf, the doors and the trusted list, and gives everything that the supervisor runs
 * from. Throws ConfigError with every fault of all three files at once; nothing else is thrown.
 */
export function loadConfig(
  options: LoadOptions,
  readText: ReadText,
  state: LoadState = { inForce: false },
): Config {
  const findings: Findings = { faults: [], warnings: [] };
  const file = options.file ?? DEFAULT_FILE;
  const texts: Texts = new Map();
  const noting: ReadText = (path) => remember(path, readText, texts);
  const text = read(file, noting);
  if (!text.ok) throw new ConfigError([{ file, line: 0, message: text.reason }]);
  if (text.value === undefined && options.file !== undefined) {
    throw new ConfigError([{ file, line: 0, message: 'there is no such file' }]);
  }
  const conf = parseKnockctlConf(text.value ?? '', file);
  findings.faults.push(...conf.faults);
  findings.warnings.push(...conf.warnings);

  const where = { file, named: options.front?.doors, mayBeUsedUp: state.inForce, readAside: readText };
  const doors = loadDoors(conf, where, noting, findings);
  const services = chooseServices(conf, doors, findings);
  checkDoors(doors, services, readText, findings);
  const trusted = loadTrusted(conf, { file, readText: noting, own: state.ownSources?.() ?? [] }, findings);

  if (findings.faults.length > 0) throw new ConfigError(findings.faults);
  return {
    file: text.value === undefined ? undefined : file,
    settings: { ...mergeOptions(conf.settings, doors.path, doors.conf.options, options.front), services },
    doors: doors.conf.doors,
    trusted,
    warnings: findings.warnings.map(formatFault),
    sources: [...texts].map(([path, content]) => ({ path, text: content })),
  };
}

interface LoadedDoors {
  readonly path: string;
  readonly conf: KnockdConf;
}

const NO_OPTIONS: KnockdOptions = {
  logFile: undefined,
  pidFile: undefined,
  interface: undefined,
  syslog: false,
};
const NO_DOORS: KnockdConf = { doors: [], options: NO_OPTIONS, faults: [], warnings: [] };

/** Where the doors are said to be: by knockctl.conf, `file`, or by name on the command line. */
interface Whereabouts {
  readonly file: string;
  readonly named: string | undefined;
  readonly mayBeUsedUp: boolean;
  /** Reads files that are no part of the configuration: those of one-time sequences change as they are used. */
  readonly readAside: ReadText;
}

function loadDoors(
  conf: KnockctlConf,
  { file, named, mayBeUsedUp, readAside }: Whereabouts,
  readText: ReadText,
  findings: Findings,
): LoadedDoors {
  const wanted = named ?? conf.settings.paths.doors;
  if (named === undefined && conf.isBroken(KEYS.doors)) return { path: wanted, conf: NO_DOORS };
  const isDefault = named === undefined && wanted === KEYS.doors.fallback;
  for (const path of isDefault ? [wanted, FALLBACK_DOORS] : [wanted]) {
    const text = read(path, readText);
    if (!text.ok) {
      findings.faults.push({ file: path, line: 0, message: text.reason });
      return { path, conf: NO_DOORS };
    }
    if (text.value !== undefined) {
      const parsed = parseKnockdConf(text.value, path);
      findings.faults.push(...parsed.faults);
      findings.warnings.push(...parsed.warnings);
      const doors = readOneTimeDoors(parsed.doors, path, {
        ...findings,
        mayBeUsedUp,
        read: (oneTimeFile) => read(oneTimeFile, readAside),
      });
      return { path, conf: { ...parsed, doors } };
    }
  }
  const nowhere = `there is no such file${isDefault ? `, nor ${FALLBACK_DOORS}: write the doors there` : ''}`;
  findings.faults.push(
    isDefault || named !== undefined
      ? { file: wanted, line: 0, message: nowhere }
      : { file, line: conf.lineOf(KEYS.doors), message: `doors: there is no file ${wanted}` },
  );
  return { path: wanted, conf: NO_DOORS };
}

function loadTrusted(
  conf: KnockctlConf,
  {
    file,
    readText,
    own,
  }: { readonly file: string; readonly readText: ReadText; readonly own: readonly Network[] },
  findings: Findings,
): readonly TrustedEntry[] {
  const path = conf.settings.paths.trusted;
  if (conf.isBroken(KEYS.trusted)) return [];
  const text = read(path, readText);
  if (!text.ok) {
    findings.faults.push({ file: path, line: 0, message: text.reason });
    return [];
  }
  if (text.value === undefined) {
    // A missing list at the default path is an empty one; a list that was asked for must be there.
    if (path !== KEYS.trusted.fallback) {
      const message = `trusted: there is no file ${path}; an empty one will do`;
      findings.faults.push({ file, line: conf.lineOf(KEYS.trusted), message });
    }
    return [];
  }
  const parsed = parseTrusted(text.value, path, own);
  findings.faults.push(...parsed.faults);
  findings.warnings.push(...parsed.warnings);
  return parsed.entries;
}

/** The services written; where there are none, `ssh` for the sake of doors that use our verbs. */
function chooseServices(
  conf: KnockctlConf,
  doors: LoadedDoors,
  findings: Findings,
): readonly ServiceSettings[] {
  if (conf.services.length > 0 || conf.isServiceWritten) return conf.services;
  const user = doors.conf.doors.find((door) => commandsOf(door).some((command) => command.kind === 'verb'));
  if (user === undefined) return [];
  const message =
    `door ${user.door.name} uses a verb of knockctl, but no [service.NAME] is written: ` +
    'port 22 is protected as [service.ssh] with the defaults; write [service.ssh] in knockctl.conf to say so';
  findings.warnings.push({ file: doors.path, line: user.line, message });
  return [impliedService(conf.settings.firewall.gate)];
}

/** A verb for a service that is not there is a fault; a rule that would never be reached is worth a word. */
function checkDoors(
  doors: LoadedDoors,
  services: readonly ServiceSettings[],
  readText: ReadText,
  findings: Findings,
): void {
  const names = new Set(services.map((service) => service.name));
  const lookUp = portNames(() => read('/etc/services', readText));
  for (const door of doors.conf.doors) {
    for (const command of commandsOf(door)) {
      const at = { file: doors.path, line: door.line };
      if (command.kind === 'shell') {
        const shadowed = shadowedPorts(command.line, services, lookUp);
        const useless = opensNothing(command.line, services, lookUp);
        if (useless?.sure === true)
          findings.faults.push({ ...at, message: `door ${door.door.name}: ${useless.text}` });
        else if (useless !== undefined || shadowed !== undefined) {
          const message = `door ${door.door.name}: ${useless?.text ?? shadowed ?? ''}`;
          findings.warnings.push({ ...at, message });
        }
      } else if (command.service !== undefined && !names.has(command.service)) {
        const known = names.size === 0 ? 'there are none' : `there are: ${[...names].join(', ')}`;
        const message = `door ${door.door.name}: ${command.line}: there is no service ${command.service} (${known})`;
        findings.faults.push({ ...at, message });
      }
    }
  }
}

/** The commands of a door, each line once. */
function commandsOf(door: DoorSettings): readonly DoorCommand[] {
  const byLine = new Map<string, DoorCommand>();
  for (const actions of Object.values(door.actions)) {
    for (const command of [actions.start, actions.stop]) {
      if (command !== undefined) byLine.set(command.line, command);
    }
  }
  return [...byLine.values()];
}

type Texts = Map<string, string | null>;

/** Reads a file that is part of the configuration, and notes what it held. */
function remember(path: string, readText: ReadText, texts: Texts): string | undefined {
  const text = readText(path);
  texts.set(path, text ?? null);
  return text;
}

function read(path: string, readText: ReadText): Result<string | undefined> {
  try {
    return ok(readText(path));
  } catch (error) {
    return refuse(`cannot be read: ${errorText(error)}`);
  }
}

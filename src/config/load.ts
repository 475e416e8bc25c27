import type { Network } from '../base/address.js';
import { ConfigError, errorText, formatFault } from '../base/errors.js';
import { ok, refuse, type Result } from '../base/result.js';

import { ConfigFiles, type Findings } from './config-files.js';
import { parseKnockctlConf, type KnockctlConf } from './knockctl/knockctl-conf.js';
import { parseKnockdConf, type KnockdConf, type KnockdOptions } from './knockd/knockd-conf.js';
import type { LoadOptions, LoadState } from './load-options.js';
import { lockedServices, lockoutText, type WaysIn } from './lockout.js';
import { mergeOptions } from './merge.js';
import { readOneTimeDoors } from './knockd/one-time.js';
import { NO_FOLDER, RULES_FILE } from './paths.js';
import { KEYS } from './knockctl/schema.js';
import { impliedService } from './knockctl/services.js';
import type { Config, DoorCommand, DoorSettings, ServiceSettings, TrustedEntry } from './settings.js';
import { opensNothing } from './opens-nothing.js';
import { portNames, shadowedPorts } from './shadow.js';
import { parseTrusted } from './trusted.js';
import type { ReadText } from './load-options.js';
import { verbFault } from './verb-lines.js';

/** Where knockctl.conf is looked for without `-c`. */
export const DEFAULT_FILE = '/etc/knockctl/knockctl.conf';
/** Where the doors are looked for when there is no file at the default of `[paths] doors`. */
export const FALLBACK_DOORS = '/etc/knockd.conf';

/**
 * Reads knockctl.conf, the doors and the trusted list, and gives everything that the supervisor runs
 * from. Throws ConfigError with every fault of all three files at once; nothing else is thrown.
 */
export function loadConfig(
  options: LoadOptions,
  readText: ReadText,
  state: LoadState = { inForce: false },
): Config {
  const findings: Findings = { faults: [], warnings: [], leftOut: [] };
  const files = new ConfigFiles(readText, state, findings);
  const file = options.file ?? DEFAULT_FILE;
  const { text, isTrusted } = files.readMain(file, WITHOUT.main);
  if (findings.faults.length > 0) throw new ConfigError(findings.faults);
  if (text === undefined && options.file !== undefined) {
    throw new ConfigError([{ file, line: 0, message: 'there is no such file' }]);
  }
  const written = parseKnockctlConf(text ?? '', file);
  const conf = isTrusted ? written : harmless(written);
  findings.faults.push(...conf.faults);
  findings.warnings.push(...conf.warnings);

  const where = { file, named: options.front?.doors, mayBeUsedUp: state.inForce, isTrusted };
  const doors = loadDoors(conf, where, files, findings);
  const services = chooseServices(conf, doors, findings);
  checkDoors(doors, services, readText, { findings, leavesOut: state.leavesOut === true });
  const trusted = loadTrusted(conf, { file, files, own: state.ownSources?.() ?? [] }, findings);
  checkWaysIn(
    conf,
    { services, doors: doors.conf.doors, trusted },
    { ...findings, file, lockouts: state.lockouts },
  );
  const rules = loadRules(conf, files);
  files.lookAbove(conf.settings.paths.state, 'who was accepted or banned before is set aside');
  files.lookAbove(conf.settings.paths.run, 'what is noted there counts all the same');

  if (findings.faults.length > 0) throw new ConfigError(findings.faults);
  const merged = mergeOptions(conf.settings, doors.path, doors.conf.options, options.front);
  return {
    file: text === undefined ? undefined : file,
    settings: { ...merged, paths: { ...merged.paths, rules }, services },
    doors: doors.conf.doors,
    trusted,
    warnings: findings.warnings.map(formatFault),
    leftOut: findings.leftOut,
    sources: files.sources,
  };
}

/** What is lost where a file is left out. */
const WITHOUT = {
  main: 'of it only services, [firewall], times and the folders run and state count: no other path, no command, no doors elsewhere',
  doors: 'its doors are left out',
  trusted: 'whom it trusts is left out',
  rules: "knockctl's own template is used instead",
  oneTime: (door: string) => `door ${door} is left out`,
} as const;

/** Of a knockctl.conf that others could have written, what can shut a port, and nothing that root would run, open or write. */
function harmless(conf: KnockctlConf): KnockctlConf {
  const { paths, listener, failsafe, log } = conf.settings;
  const own = { doors: KEYS.doors.fallback, trusted: KEYS.trusted.fallback, rules: NO_FOLDER };
  return {
    ...conf,
    settings: {
      ...conf.settings,
      paths: { ...paths, ...own },
      listener: { ...listener, user: KEYS.user.fallback },
      failsafe: { ...failsafe, rescueCommand: undefined },
      log: { ...log, file: undefined },
    },
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
  /** Whether knockctl.conf can be; else somebody may have taken out of it where the doors are. */
  readonly isTrusted: boolean;
}

function loadDoors(
  conf: KnockctlConf,
  { file, named, mayBeUsedUp, isTrusted }: Whereabouts,
  files: ConfigFiles,
  findings: Findings,
): LoadedDoors {
  const wanted = named ?? conf.settings.paths.doors;
  if (named === undefined && conf.isBroken(KEYS.doors)) return { path: wanted, conf: NO_DOORS };
  const isDefault = named === undefined && wanted === KEYS.doors.fallback;
  for (const path of isDefault && isTrusted ? [wanted, FALLBACK_DOORS] : [wanted]) {
    const read = files.read(path, WITHOUT.doors);
    if (typeof read !== 'object') return { path, conf: NO_DOORS };
    if (read.text !== undefined) {
      files.warnIfReadable(path);
      const parsed = parseKnockdConf(read.text, path);
      findings.faults.push(...parsed.faults);
      findings.warnings.push(...parsed.warnings);
      const doors = readOneTimeDoors(parsed.doors, path, {
        ...findings,
        mayBeUsedUp,
        read: (oneTimeFile, door) => files.tryRead(oneTimeFile, WITHOUT.oneTime(door)),
        wasRead: (oneTimeFile) => {
          files.warnIfReadable(oneTimeFile);
        },
      });
      return { path, conf: { ...parsed, doors } };
    }
  }
  if (!isTrusted && isDefault) return { path: wanted, conf: NO_DOORS };
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
    files,
    own,
  }: { readonly file: string; readonly files: ConfigFiles; readonly own: readonly Network[] },
  findings: Findings,
): readonly TrustedEntry[] {
  const path = conf.settings.paths.trusted;
  if (conf.isBroken(KEYS.trusted)) return [];
  const read = files.read(path, WITHOUT.trusted);
  if (typeof read !== 'object') return [];
  if (read.text === undefined) {
    // A missing list at the default path is an empty one; a list that was asked for must be there.
    if (path !== KEYS.trusted.fallback) {
      const message = `trusted: there is no file ${path}; an empty one will do`;
      findings.faults.push({ file, line: conf.lineOf(KEYS.trusted), message });
    }
    return [];
  }
  const parsed = parseTrusted(read.text, path, own);
  findings.faults.push(...parsed.faults);
  findings.warnings.push(...parsed.warnings);
  return parsed.entries;
}

/** The folder of an administrator's own rules, or none where what is in it is left out. */
function loadRules(conf: KnockctlConf, files: ConfigFiles): string {
  const { rules } = conf.settings.paths;
  if (rules === NO_FOLDER) return rules;
  return files.readAside(`${rules}/${RULES_FILE}`, WITHOUT.rules) === 'left-out' ? NO_FOLDER : rules;
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
  { findings, leavesOut }: { readonly findings: Findings; readonly leavesOut: boolean },
): void {
  const names = new Set(services.map((service) => service.name));
  const lookUp = portNames(() => read('/etc/services', readText));
  for (const door of doors.conf.doors) {
    for (const command of commandsOf(door)) {
      const at = { file: doors.path, line: door.line };
      if (command.kind === 'shell') {
        const shadowed = shadowedPorts(command.line, services, lookUp);
        const fault = verbFault(command.line);
        if (fault !== undefined) {
          const unprotected =
            services.length === 0 && !fault.isError ? '; and without a [service.NAME] nothing is shut' : '';
          const message = `door ${door.door.name}: ${command.line}: ${fault.text}${unprotected}`;
          // At a boot it is run as before: a start that is refused is an open port.
          (fault.isError && !leavesOut ? findings.faults : findings.warnings).push({ ...at, message });
        }
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

/** What is certain to lock out is a fault, or only told: a start that is refused at a boot is an open port. */
function checkWaysIn(
  conf: KnockctlConf,
  ways: WaysIn,
  { file, faults, warnings, lockouts }: Findings & Pick<LoadState, 'lockouts'> & { readonly file: string },
): void {
  // What a faulty line says of doors or the trusted is not known.
  if (lockouts === undefined || faults.length > 0) return;
  for (const service of lockedServices(ways)) {
    const line = conf.lineOf(KEYS.onFailure, `service.${service.name}`);
    (lockouts === 'refuse' ? faults : warnings).push({ file, line, message: lockoutText(service) });
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

function read(path: string, readText: ReadText): Result<string | undefined> {
  try {
    return ok(readText(path));
  } catch (error) {
    return refuse(`cannot be read: ${errorText(error)}`);
  }
}

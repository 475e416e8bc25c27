import { defaultPidFile } from '../paths.js';
import { quote } from '../../base/address.js';
import type { ConfigFault } from '../../base/errors.js';

import { parseIni, type IniEntry, type IniSection } from './ini.js';
import type { Report } from '../lines.js';
import { didYouMean } from '../nearest.js';
import { Reader } from './reader.js';
import { ALL_KEYS, KEYS, type Key } from './schema.js';
import { readServices, serviceName } from './services.js';
import type { ServiceSettings, Settings } from '../settings.js';
import { labelRemark } from '../values.js';

/** knockctl.conf by itself: nothing of knockd.conf is merged yet. */
export interface KnockctlConf {
  readonly settings: Omit<Settings, 'services'>;
  readonly services: readonly ServiceSettings[];
  /** True where there is a [service.…] line, a faulty one included. */
  readonly isServiceWritten: boolean;
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly ConfigFault[];
  /** The line of the key, in this section if one is named; 0 where it is not written. */
  readonly lineOf: (key: Key<unknown>, section?: string) => number;
  /** True where the key is written with a value that is at fault. */
  readonly isBroken: (key: Key<unknown>) => boolean;
}

/** Reads the text of knockctl.conf (an empty one gives the defaults); `file` is for the messages. */
export function parseKnockctlConf(text: string, file: string): KnockctlConf {
  const ini = parseIni(text, file);
  const faults: ConfigFault[] = [...ini.faults];
  const warnings: ConfigFault[] = [];
  const report: Report = (line, message) => {
    faults.push({ file, line, message });
  };
  const warn: Report = (line, message) => {
    warnings.push({ file, line, message });
  };
  const reader = new Reader(ini);
  for (const section of reader.sections) checkSection(section, report);
  const services = readServices(reader, report, warn);
  checkTimes(reader, report, warn);
  checkLabels(ini.sections.get('listener')?.entries.get(KEYS.interface.name), warn);
  if (reader.hasComment(KEYS.rescueCommand) && reader.get(KEYS.rescueCommand) !== undefined) {
    warn(
      reader.line(KEYS.rescueCommand),
      'rescue_command: what follows the ; or # is a comment; put the whole line in single quotes to keep it',
    );
  }
  return {
    settings: readSettings(reader),
    services,
    isServiceWritten: reader.sections.some(({ name }) => name.startsWith('service')),
    faults: faults.toSorted((a, b) => a.line - b.line),
    warnings,
    lineOf: (key, section) => reader.line(key, section),
    isBroken: (key) => reader.isBroken(key),
  };
}

/** Reports the section if it is unknown, or its unknown keys and faulty values. */
function checkSection(section: IniSection, report: Report): void {
  const service = serviceName(section.name);
  if (service === '') {
    report(
      section.line,
      `[${section.name}]: the name of a service is 1 to 16 of A-Z a-z 0-9 _ -, and does not begin with -`,
    );
    return;
  }
  const kind = service === undefined ? section.name : 'service';
  const keys = ALL_KEYS.filter((key) => key.section === kind);
  if (keys.length === 0 || section.name === 'service') {
    report(section.line, `[${section.name}] is not a known section${hintForSection(section.name)}`);
    return;
  }
  for (const entry of section.entries.values()) {
    const key = keys.find(({ name }) => name === entry.key);
    if (key === undefined) {
      report(entry.line, `${quote(entry.key)} is not a key of [${section.name}]${hintForKey(entry, keys)}`);
      continue;
    }
    const parsed = key.parse(entry.value);
    if (!parsed.ok) report(entry.line, `${key.name}: ${parsed.reason}`);
  }
}

function hintForSection(name: string): string {
  if (name === 'service') return ': write [service.NAME], such as [service.ssh]';
  const known = [...new Set(ALL_KEYS.map((key) => key.section))];
  const hint = didYouMean(
    name,
    known.filter((section) => section !== 'service'),
  );
  return hint === '' ? `: there are ${known.join(', ')}.NAME` : hint;
}

function hintForKey(entry: IniEntry, keys: readonly Key<unknown>[]): string {
  const elsewhere = ALL_KEYS.filter((key) => key.name === entry.key);
  if (elsewhere.length > 0) {
    const sections = elsewhere.map(({ section }) => `[${section}${section === 'service' ? '.NAME' : ''}]`);
    return `: it belongs in ${sections.join(' or ')}`;
  }
  const names = keys.map(({ name }) => name);
  const hint = didYouMean(entry.key, names);
  return hint === '' ? `: there are ${names.join(', ')}` : hint;
}

/** The times that only make sense together. */
function checkTimes(reader: Reader, report: Report, warn: Report): void {
  const heartbeat = reader.get(KEYS.heartbeat);
  const switchTimeout = reader.get(KEYS.switchTimeout);
  if (reader.isBroken(KEYS.heartbeat)) return;
  for (const key of [KEYS.switchTimeout, KEYS.listenerTimeout]) {
    if (reader.isBroken(key) || reader.get(key) > heartbeat) continue;
    report(
      reader.line(key) || reader.line(KEYS.heartbeat),
      `${key.name} (${reader.get(key)}) must be longer than heartbeat (${heartbeat})`,
    );
  }
  if (switchTimeout > heartbeat && switchTimeout < 2 * heartbeat) {
    warn(
      reader.line(KEYS.switchTimeout) || reader.line(KEYS.heartbeat),
      `switch_timeout (${switchTimeout}) is less than twice heartbeat (${heartbeat}): one late beat would trip the switch`,
    );
  }
}

function checkLabels(interfaces: IniEntry | undefined, warn: Report): void {
  for (const name of interfaces?.value.split(/[\s,]+/) ?? []) {
    const remark = labelRemark(name);
    if (remark !== undefined) warn(interfaces?.line ?? 0, `${KEYS.interface.name}: ${remark}`);
  }
}

function readSettings(reader: Reader): Omit<Settings, 'services'> {
  const run = reader.get(KEYS.run);
  return {
    paths: {
      doors: reader.get(KEYS.doors),
      trusted: reader.get(KEYS.trusted),
      rules: reader.get(KEYS.rules),
      run,
      state: reader.get(KEYS.state),
      pidFile: defaultPidFile(run),
    },
    listener: {
      interfaces: reader.get(KEYS.interface),
      families: reader.get(KEYS.knockFamilies),
      user: reader.get(KEYS.user),
      duplicates: reader.get(KEYS.duplicates),
      repeat: reader.get(KEYS.repeat),
    },
    firewall: {
      families: reader.get(KEYS.families),
      backend: reader.get(KEYS.backend),
      hook: reader.get(KEYS.hook),
      gate: reader.get(KEYS.gate),
      log: reader.get(KEYS.logLimit),
      doorSources: reader.get(KEYS.doorSources),
    },
    failsafe: {
      heartbeatMs: reader.get(KEYS.heartbeat) * 1_000,
      switchTimeoutS: reader.get(KEYS.switchTimeout),
      listenerTimeoutMs: reader.get(KEYS.listenerTimeout) * 1_000,
      maxRestarts: reader.get(KEYS.maxRestarts),
      rescueCommand: reader.get(KEYS.rescueCommand),
    },
    health: { schedule: reader.get(KEYS.schedule), resolve: reader.get(KEYS.resolve) },
    log: {
      level: reader.get(KEYS.logLevel),
      file: reader.get(KEYS.logFile),
      syslog: reader.get(KEYS.syslog),
      json: reader.get(KEYS.json),
      lookup: reader.get(KEYS.lookup),
    },
  };
}

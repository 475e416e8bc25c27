import { quote } from '../../base/address.js';
import type { ConfigFault } from '../../base/errors.js';

import { foreignFile } from '../foreign-files.js';
import { DOOR_DIRECTIVES, draftDoor, finishDoor, type DoorDraft, type Place } from './knockd-door.js';
import { isUtf8, splitLines, trim, upper, type Line, type Report } from '../lines.js';
import { didYouMean } from '../nearest.js';
import type { DoorSettings } from '../settings.js';
import { INTERFACE_NAME, absolutePath, labelRemark } from '../values.js';

/** What `[options]` of knockd.conf says; undefined where nothing is said. */
export interface KnockdOptions {
  readonly logFile: string | undefined;
  readonly pidFile: string | undefined;
  readonly interface: string | undefined;
  readonly syslog: boolean;
}

export interface KnockdConf {
  /** In the order of the file, their ids counted from 0. */
  readonly doors: readonly DoorSettings[];
  readonly options: KnockdOptions;
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly ConfigFault[];
}

/** knockd cuts a longer line in two. */
const MAX_LINE = 4_095;
const OPTIONS_SECTION = 'options';
const BARE_WORD = 'USESYSLOG';

const PATH = absolutePath();
const OPTION_TYPES = { LOGFILE: PATH, PIDFILE: PATH, INTERFACE: INTERFACE_NAME } as const;
type OptionName = keyof typeof OPTION_TYPES;

/** Reads the doors in knockd's grammar. Faults keep knockd's words; they are gathered, not the first only. */
export function parseKnockdConf(text: string, file: string): KnockdConf {
  const parser = new Parser(file);
  const { faults, warnings, report, warn } = parser;
  for (const line of splitLines(text, report)) parser.read(line);
  const doors = parser.drafts.map((draft, id) => finishDoor(draft, id, report, warn));
  const options: KnockdOptions = {
    logFile: parser.options.get('LOGFILE'),
    pidFile: parser.options.get('PIDFILE'),
    interface: parser.options.get('INTERFACE'),
    syslog: parser.syslog,
  };
  const foreign = faults.length === 0 ? undefined : foreignFile(text);
  if (foreign !== undefined) return { doors: [], options, faults: [{ file, ...foreign }], warnings: [] };
  return { doors, options, faults: faults.toSorted((a, b) => a.line - b.line), warnings };
}

/** Where the next directive belongs: nowhere yet, to `[options]`, to a door, or to a section line at fault. */
type Section = 'none' | 'options' | 'unnamed' | DoorDraft;

class Parser {
  readonly drafts: DoorDraft[] = [];
  readonly options = new Map<OptionName, string | undefined>();
  readonly faults: ConfigFault[] = [];
  readonly warnings: ConfigFault[] = [];
  readonly report: Report;
  readonly warn: Report;
  syslog = false;
  #section: Section = 'none';

  constructor(file: string) {
    this.report = (line, message) => {
      this.faults.push({ file, line, message });
    };
    this.warn = (line, message) => {
      this.warnings.push({ file, line, message });
    };
  }

  read({ number, text: raw }: Line): void {
    const bytes = Buffer.byteLength(raw);
    if (bytes > MAX_LINE) {
      this.#syntaxError(number, `the line has ${bytes} bytes; ${MAX_LINE} are the most`);
      return;
    }
    const line = trim(raw);
    if (line === '' || line.startsWith('#') || !isUtf8(line, number, this.report)) return;
    if (line.startsWith('[') && line.endsWith(']')) this.#openSection(line.slice(1, -1), number);
    else this.#directive(line, number);
  }

  #openSection(name: string, number: number): void {
    if (name === '') {
      this.report(number, `config: line ${number}: bad section name (write [options] or [name of a door])`);
      this.#section = 'unnamed';
    } else if (name === OPTIONS_SECTION) {
      this.#section = 'options';
    } else {
      const draft = draftDoor(name, number);
      this.drafts.push(draft);
      this.#section = draft;
    }
  }

  #directive(line: string, number: number): void {
    const section = this.#section;
    if (section === 'none') {
      this.report(
        number,
        `config: line ${number}: all directives must belong to a section (begin with [options] or [name of a door])`,
      );
      // What follows would bring the same fault line by line.
      this.#section = 'unnamed';
      return;
    }
    const equals = line.indexOf('=');
    const written = trim(equals === -1 ? line : line.slice(0, equals));
    const name = upper(written);
    if (equals === -1 && name === BARE_WORD) {
      this.syslog = true;
      return;
    }
    if (section === 'unnamed') return;
    if (equals === -1 || name === BARE_WORD) {
      this.#syntaxError(number, explainShape(line, name));
      return;
    }
    const value = trim(line.slice(equals + 1));
    const place: Place = { line: number, report: this.report, warn: this.warn };
    if (section !== 'options') {
      const directive = DOOR_DIRECTIVES.get(name);
      if (directive !== undefined) directive(section, value, place);
      else this.#syntaxError(number, explainUnknown(written, isOption(name), [...DOOR_DIRECTIVES.keys()]));
    } else if (isOption(name)) {
      this.#setOption(name, value, number);
    } else {
      this.#syntaxError(
        number,
        explainUnknown(written, DOOR_DIRECTIVES.has(name), Object.keys(OPTION_TYPES)),
      );
    }
  }

  #setOption(name: OptionName, value: string, number: number): void {
    if (value === '') {
      this.options.set(name, undefined);
      return;
    }
    const parsed = OPTION_TYPES[name].parse(value);
    if (parsed.ok) this.options.set(name, parsed.value);
    const remark = name === 'INTERFACE' && parsed.ok ? labelRemark(value) : undefined;
    if (remark !== undefined) this.warn(number, `interface: ${remark}`);
    if (!parsed.ok) this.report(number, `config: line ${number}: ${name.toLowerCase()}: ${parsed.reason}`);
  }

  #syntaxError(number: number, why: string): void {
    this.report(number, `config: line ${number}: syntax error (${why})`);
  }
}

function isOption(name: string): name is OptionName {
  return Object.hasOwn(OPTION_TYPES, name);
}

/** Why a line is no directive though it stands in a section. */
function explainShape(line: string, name: string): string {
  if (name === BARE_WORD) return 'UseSyslog is a bare word: write it without =';
  if (line.startsWith('[')) return 'a section line ends with its ]; nothing may follow it';
  if (line.startsWith(';')) return 'a comment begins with #';
  return `${quote(line)} has no =: write directive = value`;
}

/** Directives of forks of knockd that have codes of a secret and the time. */
const OF_TOTP_FORKS: readonly string[] = [
  'KEY',
  'SECRET',
  'TOTP',
  'TOTP_KEY',
  'TOTP_SECRET',
  'TOTP_INTERVAL',
  'TOTP_DIGITS',
];

function explainUnknown(written: string, isKnownElsewhere: boolean, known: readonly string[]): string {
  if (OF_TOTP_FORKS.includes(upper(written))) {
    return (
      `${written} is of a fork of knockd with codes that change with the time (TOTP), which knockctl does not have; ` +
      'one_time_sequences = FILE in a door has sequences that open it once each, so that nobody can send one again'
    );
  }
  if (isKnownElsewhere) {
    const [here, there] = known.includes('SEQUENCE') ? ['a door', '[options]'] : ['[options]', 'a door'];
    return `${written} belongs in ${there}, not in ${here}`;
  }
  const names = known.map((name) => name.toLowerCase());
  const hint = didYouMean(written, names);
  return `unknown directive ${quote(written)}${hint === '' ? `; there are ${names.join(', ')}` : hint}`;
}

import type { KnockdOptions } from '../knockd/knockd-conf.js';
import type { FrontOptions } from '../load-options.js';
import { readShellLine } from '../shell-line.js';

/** The files of init scripts and units that hold the options of knockd, by distribution; and the variable in each. */
export const OPTION_FILES: readonly string[] = [
  '/etc/default/knockd',
  '/etc/sysconfig/knockd',
  '/etc/conf.d/knock',
];

const VARIABLES = ['KNOCKD_OPTS', 'OPTIONS', 'KNOCKD_OPTIONS'];

/** The words of KNOCKD_OPTS in such a file, the last that is set; undefined where none is, or only a shell could say. */
export function formerOptions(text: string): readonly string[] | undefined {
  let found: readonly string[] | undefined;
  for (const line of text.split('\n')) {
    const read = readShellLine(line.trim().replace(/^export\s+/, ''));
    const [assignment = ''] = (read.ok ? read.value.commands[0]?.words : undefined) ?? [];
    const [name = '', value] = assignment.split(/=(.*)/s);
    if (value === undefined || !VARIABLES.includes(name)) continue;
    found = value.split(/\s+/).filter((word) => word !== '');
  }
  return found;
}

/** The options that knockd was started with, and the file that has them. */
export interface FormerOptions {
  readonly file: string;
  readonly words: string;
  readonly options: FrontOptions;
}

/** Those that count for knockctl too: a log file, only where knockd.conf names none. */
export function takenOver(
  former: FormerOptions | undefined,
  { logFile }: Pick<KnockdOptions, 'logFile'>,
): FrontOptions {
  const { logFile: named, ...options } = former?.options ?? {};
  return logFile === undefined && named !== undefined ? { ...options, logFile: named } : options;
}

/** What becomes of them, in words. */
export function describeFormer(former: FormerOptions, options: Pick<KnockdOptions, 'logFile'>): string {
  const { interface: name, lookup, onlyIpv4, logFile } = takenOver(former, options);
  const taken = [
    ...(name === undefined ? [] : [`interface = ${name}`]),
    ...(lookup === true ? ['lookup = yes'] : []),
    ...(onlyIpv4 === true ? ['families = ipv4 in [listener]'] : []),
    ...(logFile === undefined ? [] : [`file = ${logFile} in [log]`]),
  ];
  const what = taken.length === 0 ? 'nothing of it is needed' : `taken over as ${taken.join(', ')}`;
  return `KNOCKD_OPTS in ${former.file} (${former.words}): ${what}`;
}

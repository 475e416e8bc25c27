import { parseKnockdConf } from '../../src/config/knockd/knockd-conf.js';

/** What a daemon said of one source. */
export interface Recognised {
  /** The doors that opened, in order. */
  readonly opened: readonly string[];
  /**
   * `DOOR: Stage 1`, `DOOR: OPEN SESAME`, `DOOR: sequence timeout (stage 1)`, each door's in order. Which door is
   * told of first, where one packet ends the attempt at one and advances another, is no part of the contract.
   */
  readonly said: readonly string[];
}

/** What one daemon did. */
export interface Observation {
  readonly sources: Readonly<Record<string, Recognised>>;
  /** What the commands wrote, sorted: commands run side by side, so that their order is nobody's. */
  readonly ran: readonly string[];
}

const RECOGNISED = /^(\S+): (.*: (?:Stage \d+|OPEN SESAME|sequence timeout \(stage \d+\)))$/;

/** The lines of a log, without time stamps and the empty lines that knockd writes. */
export function logLines(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/^\[[0-9-]{10} [0-9:]{5}\] /, ''));
  return lines.filter((line) => line !== '');
}

/** What the lines of a log and the output of the commands say; `isHidden`: of sources that are no part of it. */
export function observe(
  log: readonly string[],
  output: readonly string[],
  isHidden: (source: string) => boolean,
): Observation {
  const said = new Map<string, string[]>();
  for (const line of log) {
    const [, source = '', what = ''] = RECOGNISED.exec(line) ?? [];
    if (source === '' || isHidden(source)) continue;
    said.set(source, [...(said.get(source) ?? []), what]);
  }
  const sources = [...said].map(([source, lines]) => [source, recognisedOf(lines)] as const);
  return { sources: Object.fromEntries(sources), ran: output.toSorted() };
}

function recognisedOf(lines: readonly string[]): Recognised {
  const doorOf = (line: string): string => line.slice(0, line.lastIndexOf(': '));
  const opened = lines.filter((line) => line.endsWith(': OPEN SESAME')).map(doorOf);
  return { opened, said: lines.toSorted((a, b) => doorOf(a).localeCompare(doorOf(b))) };
}

/** Of an observation what concerns these sources; commands must write the address as a word. */
export function only(observation: Observation, sources: readonly string[]): Observation {
  const nothing: Recognised = { opened: [], said: [] };
  const entries = sources.map((source) => [source, observation.sources[source] ?? nothing] as const);
  const concerns = (line: string): boolean => line.split(' ').some((word) => sources.includes(word));
  return { sources: Object.fromEntries(entries), ran: observation.ran.filter(concerns) };
}

/**
 * How many lines the commands write for what is logged, where each writes one. Our own parser is asked only for this,
 * how long to wait: what was written is compared as it stands.
 */
export function commandCounter(doors: string): (log: readonly string[]) => number {
  const parsed = parseKnockdConf(doors, 'knockd.conf');
  const byName = new Map(parsed.doors.map((settings) => [settings.door.name, settings.actions]));
  return (log) => {
    let lines = 0;
    for (const line of log) {
      const [, source = '', what = ''] = RECOGNISED.exec(line) ?? [];
      if (!what.endsWith(': OPEN SESAME')) continue;
      const actions = byName.get(what.slice(0, -': OPEN SESAME'.length))?.[source.includes(':') ? 6 : 4];
      if (actions?.start !== undefined) lines += actions.stop === undefined ? 1 : 2;
    }
    return lines;
  };
}

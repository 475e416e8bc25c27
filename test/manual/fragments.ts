/** What the man pages have from the program itself: commands, options and keys, in mdoc(7). */
import type { Argument, Command, Option } from 'commander';

import { USAGE } from '../../src/client/usage.js';
import { ALL_KEYS, type SectionName } from '../../src/config/knockctl/schema.js';
import { makeProgram } from '../../src/ctl/cli/program.js';

/** The parts of a page that are written by the program, by the name in its BEGIN line. */
export type Fragments = Readonly<Record<string, readonly string[]>>;

/** The parts of each page, by its file in docs/man. */
export function fragments(): Readonly<Record<string, Fragments>> {
  return {
    'knockctl.8': { commands: commands() },
    'knockctl.conf.5': { keys: keys() },
    'knock.1': { options: knockOptions() },
  };
}

/** The program as its users have it; it cannot be run. */
export function documentedProgram(): Command {
  const unused = (): never => {
    throw new Error('not called');
  };
  return makeProgram({ version: '0', quiet: true, context: unused, run: unused }, unused);
}

/** Options that every command has are told once. */
const GLOBAL = ['--config', '--json', '--help'];

function commands(): string[] {
  const items = documentedProgram().commands.flatMap((command) => [
    ['.It Cm', command.name(), ...command.registeredArguments.map(argument)].join(' '),
    ...sentence(command.description()),
    ...optionList(command.options.filter(({ long }) => !GLOBAL.includes(long ?? ''))),
  ]);
  return ['.Bl -tag -width Ds', ...items, '.El'];
}

function argument(one: Argument): string {
  const name = `Ar ${escape(one.name())}${one.variadic ? ' ...' : ''}`;
  return one.required ? name : `Op ${name}`;
}

function optionList(options: readonly Option[]): string[] {
  if (options.length === 0) return [];
  const items = options.flatMap(({ short, long, flags, description }) => {
    const value = /<(\w+)(?:\.\.\.)?>/.exec(flags)?.[1];
    return [item(short?.slice(1), long?.slice(2), value), ...sentence(description)];
  });
  return ['.Bl -tag -width Ds -compact', ...items, '.El'];
}

function item(short: string | undefined, long: string | undefined, value: string | undefined): string {
  const names = [short, long === undefined ? undefined : `-${long}`].filter((name) => name !== undefined);
  return `.It Fl ${names.join(' , Fl ')}${value === undefined ? '' : ` Ar ${value}`}`;
}

function keys(): string[] {
  const lines: string[] = [];
  let section: SectionName | undefined;
  for (const key of ALL_KEYS) {
    if (key.section !== section) {
      if (section !== undefined) lines.push('.El');
      section = key.section;
      lines.push(`.Ss [${section === 'service' ? 'service.NAME' : section}]`, '.Bl -tag -width Ds');
    }
    const fallback = key.defaultText === '' ? 'empty' : key.defaultText;
    lines.push(`.It Va ${key.name} = Ar ${escape(fallback)}`, ...sentence(key.meaning));
    lines.push('.br', `Value: ${escape(key.expects)}.`);
  }
  return [...lines, '.El'];
}

/** From the text of `knock --help`: an option's line, and the lines that go on with it. */
function knockOptions(): string[] {
  const lines: string[] = [];
  for (const line of USAGE.split('\n')) {
    const [, short, long, value, text] =
      /^ {2}(?:-(\w), | {4})--(\S+)(?: ([A-Z.]+))? {2,}(\S.*)$/.exec(line) ?? [];
    if (text !== undefined) lines.push(item(short, long, value), escape(text));
    else if (/^ {20,}\S/.test(line)) lines.push(escape(line.trim()));
  }
  return lines;
}

function sentence(text: string): string[] {
  return [escape(text)];
}

/** A word of mdoc's own, or a dot, at the beginning would be a request; a backslash begins an escape. */
function escape(text: string): string {
  return text.replaceAll('\\', '\\e').replace(/^([.'])/, '\\&$1');
}

import type { Config, DoorCommand } from '../settings.js';
import { baseName, readShellLine, unwrap } from '../shell-line.js';
import { commandsOf, type Pitfall } from './doors.js';
import type { HostFacts } from './host.js';

/** Programs of doors' lines that are not there. Pure. */

/** What a shell does itself (dash(1)). */
const BUILT_IN: ReadonlySet<string> = new Set([
  ...['.', ':', '[', 'alias', 'bg', 'break', 'cd', 'command', 'continue', 'echo', 'eval', 'exec', 'exit'],
  ...[
    'export',
    'false',
    'fg',
    'getopts',
    'hash',
    'jobs',
    'kill',
    'local',
    'printf',
    'pwd',
    'read',
    'readonly',
  ],
  ...[
    'return',
    'set',
    'shift',
    'test',
    'times',
    'trap',
    'true',
    'type',
    'ulimit',
    'umask',
    'unalias',
    'unset',
    'wait',
  ],
  ...['if', 'then', 'else', 'fi', 'for', 'while', 'until', 'do', 'done', 'case', 'esac', '!', '{', '}', '[['],
]);

/** A line that would find nothing to run. */
export function absentPrograms(
  { doors }: Pick<Config, 'doors'>,
  facts: Pick<HostFacts, 'program'>,
): Pitfall[] {
  return doors.flatMap((door) => {
    const commands = [...commandsOf(door, 'start'), ...commandsOf(door, 'stop')];
    const absent = new Set(commands.flatMap(programsOf).filter((name) => facts.program(name) === 'absent'));
    return [...absent].map((name) => ({
      line: door.line,
      text: `door ${door.door.name}: there is no program ${name} on this host: its line would do nothing${hintFor(name)}`,
    }));
  });
}

function programsOf(command: DoorCommand): string[] {
  if (command.kind === 'verb') return [];
  const read = readShellLine(command.line);
  const lines = read.ok ? read.value.commands.map(({ words }) => words) : [command.line.split(/[ \t]+/)];
  return lines.flatMap((words) => {
    const { words: inner, wrappers } = unwrap(words);
    const named = [...wrappers.filter((name) => !name.includes('=')), inner[0] ?? ''];
    return named.filter((name) => /^[A-Za-z0-9_.+/@-]+$/.test(name) && !BUILT_IN.has(name));
  });
}

function hintFor(program: string): string {
  return ['pfctl', 'ipfw', 'npfctl', 'ipf'].includes(baseName(program))
    ? ' (it is of BSD; here it is knockctl accept %IP%)'
    : '';
}

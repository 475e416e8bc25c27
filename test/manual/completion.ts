/** Completion for shells: the commands, and the options of each. */
import { LIST_WORDS } from '../../src/base/lists.js';
import { documentedProgram } from './fragments.js';

/** What may be written behind a command. */
interface Words {
  readonly command: string;
  readonly description: string;
  readonly options: readonly string[];
  /** Words that are no options; `files`: names of files. */
  readonly words: readonly string[] | 'files';
}

/** Each file of init/completion, by its name. */
export function completions(): Readonly<Record<string, string>> {
  return { 'knockctl.bash': bash(table()), _knockctl: zsh(table()) };
}

const WORDS: Readonly<Record<string, Words['words']>> = {
  list: LIST_WORDS,
  flush: [...LIST_WORDS, 'all'],
  import: 'files',
};

function table(): Words[] {
  return documentedProgram().commands.map((command) => ({
    command: command.name(),
    description: command.description(),
    options: command.options.flatMap(({ long }) => (long ? [long] : [])),
    words: WORDS[command.name()] ?? [],
  }));
}

const HEAD = '# Written by npm run docs, from the program itself.';
/** Options whose value is a file. */
const FILES = '-c|--config|--file|--sets-for';
/** Options with a value that is one of a few words. */
const CHOICES: Readonly<Record<string, readonly string[]>> = { '--on-failure': ['hold', 'restore', 'flush'] };

function bash(commands: readonly Words[]): string {
  const cases = commands.map(({ command, options, words }) => {
    const all = [...options, ...(words === 'files' ? [] : words)].join(' ');
    const files = words === 'files' ? ' files=yes' : '';
    return `    ${command}) words='${all}'${files} ;;`;
  });
  return `${HEAD}
# For /usr/share/bash-completion/completions/knockctl.
_knockctl() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command='' files='' last='' words word
  COMPREPLY=()
  case $before in
    ${FILES})
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
${Object.entries(CHOICES)
  .map(
    ([option, values]) =>
      `    ${option}) mapfile -t COMPREPLY < <(compgen -W '${values.join(' ')}' -- "$current") && return ;;`,
  )
  .join('\n')}
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $last in
      -c | --config) last='' && continue ;; # its value is no command
    esac
    last=$word
    case $word in
      ${commands.map(({ command }) => command).join(' | ')}) command=$word && break ;;
    esac
  done
  case $command in
    '') words='${[...commands.map(({ command }) => command), '--config', '--json', '--version', '--help'].join(' ')}' ;;
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  if [ -n "$files" ]; then
    mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -F _knockctl knockctl
`;
}

function zsh(commands: readonly Words[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const described = commands.map(
    ({ command, description }) => `    ${quoted(`${command}:${description.replaceAll(':', '\\:')}`)}`,
  );
  const cases = commands.map(({ command, options, words }) => {
    const files = words === 'files' ? '; _files' : '';
    const all = [...options, ...(words === 'files' ? [] : words)].join(' ');
    return `    ${command}) compadd -- ${all}${files} ;;`;
  });
  return `#compdef knockctl
${HEAD}
# For /usr/share/zsh/vendor-completions/_knockctl.
local -a commands
local word command last
commands=(
${described.join('\n')}
)
case $words[CURRENT-1] in
  ${FILES}) _files; return ;;
${Object.entries(CHOICES)
  .map(([option, values]) => `  ${option}) compadd -- ${values.join(' ')}; return ;;`)
  .join('\n')}
esac
for word in \${words[2,CURRENT-1]}; do
  if [[ $last == (-c|--config) ]]; then
    last=''
    continue
  fi
  last=$word
  if (( \${commands[(I)$word:*]} )); then
    command=$word
    break
  fi
done
case $command in
  '')
    _describe command commands
    compadd -- --config --json --version --help
    ;;
${cases.join('\n')}
esac
`;
}

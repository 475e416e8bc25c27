import { Command, InvalidArgumentError } from 'commander';

import { EXIT } from '../../base/errors.js';
import { LISTS, LIST_WORDS, listNamed, type ListName } from '../../base/lists.js';
import type { Context } from '../context.js';
import type { StartOptions, Lifecycle } from '../lifecycle/lifecycle.js';
import { parseSince } from '../print/event-filter.js';
import { noCommand } from './other-words.js';
import { addSetUp } from './program-set-up.js';
import { addVerbs } from './program-verbs.js';
import { isTrialTime, TRIAL_S } from '../../wire/start/start-request.js';

/** What the program needs from outside: it does nothing by itself but to understand its words. */
interface ProgramParts {
  readonly version: string;
  /** True where the caller itself tells what was wrong with the words: nothing goes to standard error. */
  readonly quiet: boolean;
  /** A context for the global options. */
  context(options: { readonly config?: string; readonly json?: boolean }): Context;
  /** The supervisor in the foreground. */
  run(configuration: string | undefined): Promise<number>;
}

const EXAMPLES = `
Examples:
  knockctl check                         read all configuration, change nothing
  knockctl import /etc/knockd.conf       what your knockd set-up becomes
  knockctl start                         protect the services; returns once armed
  knockctl reload --trial 60             try a change: without knockctl confirm it undoes itself
  knockctl accept 203.0.113.7            let an address in for the usual time
  knockctl drop 198.51.100.0/24          ban a network
  knockctl trust home.example.org --save whitelist a host, now and after a restart
  knockctl list                          who is in, for how long, and who put it there
  knockctl events --follow               what happens, live

Exit status: 0 done, 1 refused or not found, 64 usage, 69 the firewall cannot be used,
75 busy, 77 not root, 78 configuration error. status: 0 armed, 150 running but not armed, on trial, or NOT PROTECTED,
1 dead, 3 stopped, 4 unknown.`;

/** The command line of knockctl; \`done\` gets the exit code of the command that was carried out. */
export function makeProgram(parts: ProgramParts, done: (code: number) => void): Command {
  const program = new Command('knockctl')
    .description('Fail-safe, supervised firewall manager for port knocking.')
    .version(parts.version, '-V, --version')
    .option('-c, --config <file>', 'configuration (default: /etc/knockctl/knockctl.conf)')
    .option('--json', 'one JSON document; for streams one a line')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(knockctl --help tells more)')
    .configureOutput(parts.quiet ? { writeErr: () => undefined } : {})
    .exitOverride();
  const context = (): Context => parts.context(program.opts());
  const finish = (result: Promise<number>): Promise<void> => result.then(done);

  addVerbs(program, async (verb, request, words, file) => {
    const { perform } = await import('./verbs.js');
    const { gatherTargets } = await import('./targets.js');
    const targets = gatherTargets(context(), verb, words, file);
    if (targets.length === 0) {
      program.error('error: no address was given, neither as a word nor by --file', { exitCode: EXIT.usage });
    }
    await finish(perform(context(), request(targets, context().session)));
  });
  addShows(program, context, finish);
  addSetUp(program, context, finish);
  addLifecycle(program, context, finish, parts);
  // Carried out before commander sees it (its options are knock's own): here for --help.
  program.command('knock').description('knock at a host: the client; knockctl knock -h tells more');
  for (const command of program.commands) withGlobalOptions(program, command);
  program.on('command:*', ([word = '']: readonly string[]) => {
    const names = program.commands.map((command) => command.name());
    program.error(`error: ${noCommand(word, names)}`, {
      exitCode: EXIT.usage,
      code: 'commander.unknownCommand',
    });
  });
  return program;
}

type MakeContext = () => Context;
type Finish = (result: Promise<number>) => Promise<void>;

function addShows(program: Command, context: MakeContext, finish: Finish): void {
  program
    .command('list')
    .description('who is in, for how long, and who put it there')
    .argument('[list]', `${LISTS.join(', ')} (or accepted)`, parseList)
    .action(async (list: ListName | undefined) => {
      const { showList } = await import('../print/show.js');
      await finish(showList(context(), list));
    });
  program
    .command('events')
    .description('what happened')
    .option('-f, --follow', 'and what happens, until interrupted')
    .option('-n, --lines <n>', 'the last n only', parseCount)
    .option('--since <time>', 'none before: 10m, 2h, 1d (ago), today, 14:30, 2026-11-30', parseTime)
    .option(
      '--kind <kinds>',
      'of these kinds only, with commas between: knock, accept, drop, state, ...',
      parseKinds,
    )
    .action(async ({ follow, lines, since, kind }: EventOptions) => {
      const { showEvents } = await import('../print/show.js');
      const filter = { count: lines, sinceMs: since, kinds: kind };
      await finish(showEvents(context(), follow === true, filter));
    });
  program
    .command('check')
    .description('read all configuration, print every error and what will go wrong; change nothing')
    .action(async () => {
      const { check } = await import('../setup/check.js');
      await finish(check(context()));
    });
  program
    .command('doctor')
    .description('look at this host: what would make the protection void, or lock you out, and how to fix it')
    .action(async () => {
      const { doctor } = await import('../setup/doctor.js');
      await finish(doctor(context()));
    });
}

function addLifecycle(program: Command, context: MakeContext, finish: Finish, parts: ProgramParts): void {
  const changes = [
    ['start', 'start in the background; returns once armed, or says what failed'],
    ['reload', 'read the configuration again; a bad one is refused, the old one stays'],
  ] as const;
  for (const [verb, description] of changes) {
    const command = program
      .command(verb)
      .description(description)
      .option('--trial <s>', 'for s seconds, unless confirmed: then the kernel itself goes back', parseTrial)
      .action(async (options: StartOptions) => {
        const { Lifecycle } = await import('../lifecycle/lifecycle.js');
        await finish(new Lifecycle(context())[verb](options));
      });
    if (verb === 'start')
      command.option('--boot', 'leave out files that others could have written, and start without them');
  }
  const verbs = [
    ['confirm', 'keep what is on trial; asks first if nobody has knocked'],
    ['stop', 'stop, and take everything out of the firewall'],
    ['restart', 'replace the supervisor; nobody is thrown out in between'],
    ['condrestart', 'restart, if it is running'],
    ['restartifdead', 'for cron: start again what has died or hangs; silent when all is well'],
  ] as const;
  for (const [verb, description] of verbs) {
    program
      .command(verb)
      .description(description)
      .action(async () => {
        const { Lifecycle } = await import('../lifecycle/lifecycle.js');
        const lifecycle = new Lifecycle(context());
        if (verb === 'confirm') return finish(confirmed(context(), lifecycle));
        if (verb !== 'restartifdead') return finish(lifecycle[verb]());
        const { restartIfDead } = await import('../lifecycle/restart-if-dead.js');
        await finish(restartIfDead(context(), lifecycle));
      });
  }
  program
    .command('status')
    .description('how it is')
    .action(async () => {
      const { status } = await import('../lifecycle/status.js');
      await finish(status(context()));
    });
  program
    .command('setup')
    .description('build chains and sets without starting anything')
    .option('--sets-for <file...>', 'only the sets that these saved rules name, so that they can be loaded')
    .action(async ({ setsFor }: { readonly setsFor?: readonly string[] }) => {
      const { Lifecycle } = await import('../lifecycle/lifecycle.js');
      const lifecycle = new Lifecycle(context());
      await finish(setsFor === undefined ? lifecycle.setup() : lifecycle.provideSets(setsFor));
    });
  program
    .command('run')
    .description('the supervisor in the foreground (systemd, containers)')
    .action(async () => finish(parts.run(context().file)));
}

/** Asks, if a person is there to answer. */
async function confirmed(context: Context, lifecycle: Lifecycle): Promise<number> {
  const [{ confirm }, { Questions }] = await Promise.all([
    import('../setup/confirm.js'),
    import('../setup/init/ask.js'),
  ]);
  return confirm(context, lifecycle, () =>
    process.stdin.isTTY ? new Questions(process.stdin, process.stdout) : undefined,
  );
}

/** -c and --json may stand behind the command too: they are the program's all the same. */
function withGlobalOptions(program: Command, command: Command): void {
  if (command.name() === 'knock') return;
  command.option('-c, --config <file>', 'configuration').option('--json', 'JSON output');
  command.hook('preAction', () => {
    const { config, json } = command.opts<{ readonly config?: string; readonly json?: boolean }>();
    if (config !== undefined) program.setOptionValue('config', config);
    if (json === true) program.setOptionValue('json', true);
  });
  command.exitOverride();
}

function parseTrial(text: string): number {
  const seconds = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (isTrialTime(seconds)) return seconds;
  throw new InvalidArgumentError(
    `a whole number of seconds from ${TRIAL_S.min} to ${TRIAL_S.max} is needed.`,
  );
}

function parseList(text: string): ListName {
  const list = listNamed(text);
  if (list === undefined) throw new InvalidArgumentError(`one of ${LIST_WORDS.join(', ')} is needed.`);
  return list;
}

interface EventOptions {
  readonly follow?: boolean;
  readonly lines?: number;
  readonly since?: number;
  readonly kind?: readonly string[];
}

function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('a whole number from 1 is needed.');
}

function parseTime(text: string): number {
  const parsed = parseSince(text, new Date());
  if (parsed.ok) return parsed.value;
  throw new InvalidArgumentError(parsed.reason);
}

function parseKinds(text: string): readonly string[] {
  const kinds = text.split(',').map((kind) => kind.trim());
  if (kinds.every((kind) => /^[a-z-]{1,32}$/.test(kind))) return kinds;
  throw new InvalidArgumentError('kinds of events are needed, with commas between: knock,accept.');
}

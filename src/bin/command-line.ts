import { CommanderError } from 'commander';

import { EXIT, KnockError } from '../base/errors.js';
import { version } from '../system/version.js';
import { makeProgram } from '../ctl/cli/program.js';
import { makeContext } from './context.js';
import { report } from './report.js';

/** The commands that anybody may use. */
const FOR_ALL = ['check', 'client', 'import', 'help'];

function usageText({ code, message }: CommanderError): string {
  return code === 'commander.help' ? 'no command was given' : message.replace(/^error: /, '');
}

/** Carries out what the words of the command line say; gives the exit code. */
export async function commandLine(argv: readonly string[]): Promise<number> {
  // Known before commander has understood the rest: what it refuses is to be told in JSON too.
  let json = argv.includes('--json');
  let code: number = EXIT.ok;
  const program = makeProgram(
    {
      version: version(),
      quiet: json,
      context: (options) => {
        json = options.json === true;
        return makeContext(options);
      },
      run: async (file) => {
        const { supervise } = await import('./supervise.js');
        return supervise({ file }, 'file');
      },
    },
    (result) => {
      code = result;
    },
  );
  program.hook('preAction', (_program, command) => {
    if (FOR_ALL.includes(command.name()) || process.getuid?.() === 0) return;
    throw new KnockError(`knockctl ${command.name()} is for root only`, {
      exitCode: EXIT.notRoot,
      hint: 'run it as root (sudo)',
    });
  });
  try {
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return EXIT.usage;
    }
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(error, json);
    if (error.exitCode === 0) return EXIT.ok; // help and version are no errors
    // Without JSON commander has said what was wrong.
    return json ? report(new KnockError(usageText(error), { exitCode: EXIT.usage }), true) : EXIT.usage;
  }
}

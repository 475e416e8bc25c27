import type { Command } from 'commander';

import type { Context } from '../context.js';
import type { ImportOptions } from '../setup/import.js';
import type { InitOptions } from '../setup/init/init.js';

/** Adds the commands that set knockctl up on a host, and take it away again. */
export function addSetUp(
  program: Command,
  context: () => Context,
  finish: (result: Promise<number>) => Promise<void>,
): void {
  program
    .command('init')
    .description('write a first configuration: asks what it needs to know, and has it tried without risk')
    .option('--port <port>', 'the port that is to be hidden')
    .option('--service <name>', 'a name for it')
    .option('--sequence <ports>', 'the ports of the knock, with commas between; random by default')
    .option('--trust <addr...>', 'who needs no knock: addresses, networks, host names')
    .option('--on-failure <word>', 'hold, restore or flush')
    .option('--yes', 'ask nothing: what is not given is as it would be proposed')
    .option('--force', 'replace files that are there')
    .action(async (options: InitOptions) => {
      const { init } = await import('../setup/init/init.js');
      const { Questions } = await import('../setup/init/ask.js');
      const isAsked = options.yes !== true && process.stdin.isTTY && !context().output.json;
      using questions = isAsked ? new Questions(process.stdin, process.stdout) : undefined;
      await finish(init(context(), options, questions));
    });
  program
    .command('import')
    .description(
      'what a knockd.conf becomes with verbs and time-outs of the kernel; changes nothing by itself',
    )
    .argument('<file>', 'a knockd.conf; - is standard input')
    .option('--write <dir>', 'write knockctl.conf and knockd.conf into this folder')
    .option('--force', 'replace files that are there')
    .action(async (file: string, options: ImportOptions) => {
      const { importKnockd } = await import('../setup/import.js');
      await finish(Promise.resolve(importKnockd(context(), file, options)));
    });
  program
    .command('install')
    .description(
      'put init script, unit, cron file, man pages in place, from a checkout or by npm; starts nothing',
    )
    .action(async () => {
      const { install } = await import('../setup/install/install.js');
      await finish(install(context()));
    });
  program
    .command('uninstall')
    .description('stop, and take away what install has put in place')
    .action(async () => {
      const { uninstall } = await import('../setup/install/install.js');
      await finish(uninstall(context()));
    });
}

import type { Command } from 'commander';

import type { Context } from '../context.js';
import type { ClientOptions } from '../setup/client/client.js';
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
  addClient(program, context, finish);
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

function addClient(
  program: Command,
  context: () => Context,
  finish: (result: Promise<number>) => Promise<void>,
): void {
  program
    .command('client')
    .description('what knocks at a door: by default a file ~/.config/knock/NAME for the client knock')
    .argument('<name>', 'a door, or a service that a door lets in to')
    .option('--host <host>', 'the host to knock at; else it is guessed, and said so')
    .option('--ssh-config', 'lines for ~/.ssh/config')
    .option('--shell', 'a script for machines without Node.js, with what macOS, Linux and WSL have')
    .option('--html', 'one page that knocks from a browser')
    .option('--qr', 'a QR code of the command, in the terminal')
    .action(async (name: string, options: ClientOptions) => {
      const { client } = await import('../setup/client/client.js');
      await finish(client(context(), name, options));
    });
}

#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { CommanderError } from 'commander';

import { ConfigError, errorText, EXIT, KnockError } from '../base/errors.js';
import { locatePaths } from '../config/locate.js';
import type { Context } from '../ctl/context.js';
import type { Output } from '../ctl/output.js';
import { makeProgram } from '../ctl/program.js';
import { version } from '../base/version.js';
import { checkTemplate } from '../firewall/template-file.js';
import { isErrno, readIfExists } from '../system/files.js';
import { sshSession } from '../system/session.js';
import { readStandardInput } from '../system/stdin.js';
import { load } from './load.js';

/** The commands that anybody may use. */
const FOR_ALL = ['check', 'import', 'help'];

function makeOutput(json: boolean): Output {
  return {
    json,
    colour: process.stdout.isTTY && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb',
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
  };
}

/** Known before commander has understood the rest: what it refuses is to be told in JSON too. */
let json = process.argv.includes('--json');

function makeContext(options: { readonly config?: string; readonly json?: boolean }): Context {
  // Absolute: the supervisor works in another folder.
  const file = options.config === undefined ? undefined : resolve(options.config);
  json = options.json === true;
  const session = sshSession();
  return {
    output: makeOutput(json),
    file,
    session: session?.peer,
    sessionPort: session?.port,
    sessionHost: session?.host,
    paths: () => locatePaths(file, readIfExists),
    config: () => {
      const config = load({ file });
      const { services, firewall, paths } = config.settings;
      checkTemplate(services, { ...firewall, rulesFolder: paths.rules });
      return config;
    },
    recognised: async (config) => {
      const { recognised } = await import('../supervisor/recognition.js');
      return recognised(config);
    },
    direct: async (config) => {
      const { Direct } = await import('../supervisor/direct.js');
      return new Direct(config);
    },
    applyOnFailure: async () => {
      const [{ giveUp }, { systemExec }] = await Promise.all([
        import('../firewall/give-up.js'),
        import('../system/exec.js'),
      ]);
      const { lock, snapshots } = locatePaths(file, readIfExists);
      return giveUp(systemExec, dirname(lock), snapshots, new Date());
    },
    triedInVain: async (config) => {
      const { triedInVain } = await import('../supervisor/choose-config.js');
      return triedInVain(config);
    },
    provideSets: async (specs) => {
      const { Direct, provideEmptySets } = await import('../supervisor/direct.js');
      try {
        return await new Direct(load({ file })).provideSets(specs);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        return provideEmptySets(specs);
      }
    },
    examine: async () => {
      const { examineHost } = await import('./examine-host.js');
      return examineHost(file, session);
    },
    readInput,
  };
}

function readInput(path: string): string {
  try {
    return path === '-' ? readStandardInput() : readFileSync(path, 'utf8');
  } catch (cause) {
    const what = path === '-' ? 'standard input' : path;
    throw new KnockError(`cannot read ${what}: ${errorText(cause)}`, { hint: 'nothing was changed', cause });
  }
}

/** Says what went wrong, and what to do next. */
function report(error: unknown): number {
  const known = error instanceof KnockError ? error : undefined;
  const exitCode = known?.exitCode ?? EXIT.firewall;
  if (json) {
    process.stdout.write(`${JSON.stringify({ exitCode, errors: errorText(error).split('\n') })}\n`);
    return exitCode;
  }
  process.stderr.write(
    `knockctl: ${errorText(error)}\n${known?.hint === undefined ? '' : `  ${known.hint}\n`}`,
  );
  return exitCode;
}

async function knock(words: readonly string[]): Promise<number> {
  const { run } = await import('../client/main.js');
  const { systemIo } = await import('../client/system.js');
  return run(words, systemIo);
}

function usageText({ code, message }: CommanderError): string {
  return code === 'commander.help' ? 'no command was given' : message.replace(/^error: /, '');
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'knock') return knock(argv.slice(1));
  let code: number = EXIT.ok;
  const program = makeProgram(
    {
      version: version(),
      quiet: json,
      context: makeContext,
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
    if (!(error instanceof CommanderError)) return report(error);
    if (error.exitCode === 0) return EXIT.ok; // help and version are no errors
    // Without JSON commander has said what was wrong.
    return json ? report(new KnockError(usageText(error), { exitCode: EXIT.usage })) : EXIT.usage;
  }
}

// Whoever reads no further (head) has seen enough.
process.stdout.on('error', (error) => {
  if (!isErrno(error, 'EPIPE')) throw error;
  process.exit();
});
process.exitCode = await main(process.argv.slice(2));

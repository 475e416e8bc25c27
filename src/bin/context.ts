import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { ConfigError, errorText, KnockError } from '../base/errors.js';
import { locatePaths } from '../config/locate.js';
import type { Context } from '../ctl/context.js';
import type { Output } from '../ctl/output.js';
import { checkTemplate } from '../firewall/template-file.js';
import { readIfExists } from '../system/files.js';
import { sshSession } from '../system/session.js';
import { readStandardInput } from '../system/stdin.js';
import { load } from './load.js';

/** Prints to people, or JSON. */
export function makeOutput(json: boolean): Output {
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

/** What a command works with, by the options that all of them have. */
export function makeContext(options: { readonly config?: string; readonly json?: boolean }): Context {
  // Absolute: the supervisor works in another folder.
  const file = options.config === undefined ? undefined : resolve(options.config);
  const session = sshSession();
  return {
    output: makeOutput(options.json === true),
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
    letIn: async (port) => {
      const { lettingIn } = await import('./letting-in.js');
      return lettingIn(port);
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

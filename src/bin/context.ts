import type { Finding } from '../wire/reports.js';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { ConfigError, errorText, KnockError } from '../base/errors.js';
import { terminalText } from '../base/printable.js';
import { forgeableWarnings, parsePortRange, PORT_RANGE_FILE } from '../config/forgeable.js';
import { locatePaths } from '../config/locate.js';
import type { Config } from '../config/settings.js';
import type { Context } from '../ctl/context.js';
import type { Output } from '../ctl/output.js';
import { checkTemplate } from '../firewall/rules/template-file.js';
import { readIfExists } from '../system/files.js';
import { runsAs, SPARE_USER_NOTE } from '../system/privileges.js';
import { sshSession } from '../system/session.js';
import { readStandardInput } from '../system/stdin.js';
import { load, type Belief } from './load.js';

/** Prints to people, or JSON. */
function makeOutput(json: boolean): Output {
  const { isTTY, columns } = process.stdout;
  const colour = isTTY && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb';
  return {
    json,
    colour,
    columns: isTTY ? columns : undefined,
    out: (text) => {
      process.stdout.write(terminalText(text, colour));
    },
    err: (text) => {
      process.stderr.write(terminalText(text, colour));
    },
  };
}

async function rulesInTheWay(): Promise<readonly Finding[]> {
  const { systemExec } = await import('../system/exec.js');
  const { findBlockingRules } = await import('../doctor/facts/in-the-way.js');
  const { blockingRules } = await import('../doctor/checks/in-the-way.js');
  return blockingRules({ blockingRules: await findBlockingRules(systemExec) });
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
    config: () => readConfig(file, 'strict'),
    believed: () => readConfig(file, 'lenient'),
    inTheWay: rulesInTheWay,
    pitfalls: async (config) => (await import('./host-facts.js')).pitfallsHere(config),
    recognised: async (config) => (await import('../runtime/doors/kernel-recognition.js')).recognised(config),
    exposures: async (config) => {
      const { rulesInFront } = await import('./rules-in-front.js');
      return rulesInFront(config);
    },
    direct: async (config) => {
      const { OfflineControl } = await import('../runtime/offline.js');
      return new OfflineControl(config);
    },
    applyOnFailure: async () => {
      const [{ forceOnFailure }, { systemExec }] = await Promise.all([
        import('../firewall/ownership/force-on-failure.js'),
        import('../system/exec.js'),
      ]);
      const { inventory, snapshots } = locatePaths(file, readIfExists);
      return forceOnFailure(systemExec, inventory, snapshots, new Date());
    },
    triedInVain: async (config) => {
      const { unconfirmedTrialOf } = await import('../runtime/generation/select-config.js');
      return unconfirmedTrialOf(config);
    },
    provideSets: async (specs) => {
      const { OfflineControl, provideEmptySets } = await import('../runtime/offline.js');
      try {
        return await new OfflineControl(load({ file }, 'lenient')).provideSets(specs);
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
    readOptional,
  };
}

/** The configuration, with warnings of what forged packets and an administrator's own template do. Throws ConfigError. */
function readConfig(file: string | undefined, belief: Belief): Config {
  const config = load({ file }, belief);
  const { services, firewall, listener, paths } = config.settings;
  const remarks = checkTemplate(services, { ...firewall, rulesFolder: paths.rules });
  const user = runsAs(listener.user) === listener.user ? [] : [SPARE_USER_NOTE];
  const told = [...remarks, ...user].map(({ text, effect, fix }) => `${text}: ${effect}; ${fix}`);
  const range = parsePortRange(readIfExists(PORT_RANGE_FILE));
  return { ...config, warnings: [...config.warnings, ...forgeableWarnings(config, range), ...told] };
}

/** A file that is only looked at if it can be. */
function readOptional(path: string): string | undefined {
  try {
    return readIfExists(path);
  } catch {
    return undefined;
  }
}

function readInput(path: string): string {
  try {
    return path === '-' ? readStandardInput() : readFileSync(path, 'utf8');
  } catch (cause) {
    const what = path === '-' ? 'standard input' : path;
    throw new KnockError(`cannot read ${what}: ${errorText(cause)}`, { hint: 'nothing was changed', cause });
  }
}

import { statSync } from 'node:fs';

import { ok } from '../base/result.js';
import { pitfalls } from '../config/pitfalls/pitfalls.js';
import type { HostFacts } from '../config/pitfalls/host.js';
import type { Config } from '../config/settings.js';
import { portNames } from '../config/shadow.js';
import { CHILD_ENV } from '../system/exec-env.js';
import { readIfExists } from '../system/files.js';
import { listeningPorts } from '../system/listening.js';
import { ownAddresses } from '../system/own-addresses.js';
import { findUser, runsAs } from '../system/privileges.js';

/** What will go wrong with a configuration on this host, as far as that can be told without root. */
export function pitfallsHere(config: Config): readonly string[] {
  return pitfalls(config, hostFacts());
}

function hostFacts(): HostFacts {
  return {
    listening: listeningPorts().filter(({ isLoopback }) => !isLoopback),
    addresses: ownAddresses().map(({ text }) => text),
    portNames: portNames(() => ok(readIfExists('/etc/services'))),
    program: findProgram,
    hasUser: (name) => findUser(runsAs(name)) !== undefined,
    hasFolder: (path) => exists(path) !== 'absent',
  };
}

function findProgram(name: string): 'there' | 'absent' | 'unknown' {
  if (name.includes('/')) return exists(name);
  const found = CHILD_ENV.PATH.split(':').map((folder) => exists(`${folder}/${name}`));
  return found.find((one) => one === 'there') ?? found.find((one) => one === 'unknown') ?? 'absent';
}

function exists(path: string): 'there' | 'absent' | 'unknown' {
  try {
    statSync(path);
    return 'there';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'absent' : 'unknown';
  }
}

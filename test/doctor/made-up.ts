import type { Family } from '../../src/base/address.js';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/settings.js';
import { examine } from '../../src/doctor/examine.js';
import type { Facts, Listening } from '../../src/doctor/facts/facts.js';
import { parse } from '../../src/iptables-parser/parse.js';
import { recognised } from '../../src/runtime/doors/kernel-recognition.js';
import type { Finding } from '../../src/wire/reports.js';

export const DOOR = '[open]\nsequence = 7000,8000,9000\ntcpflags = syn\ncommand = knockctl accept %IP%\n';
export const SHELL_DOOR = DOOR.replace('knockctl accept %IP%', '/bin/true');

interface Texts {
  readonly conf?: string;
  readonly doors?: string;
  readonly trusted?: string;
}

/** A configuration from texts. */
export function config({
  conf = '[service.ssh]\non_failure = hold\n',
  doors = DOOR,
  trusted = '',
}: Texts): Config {
  const texts: Readonly<Record<string, string>> = {
    '/c': `[paths]\ndoors = /d\ntrusted = /t\n${conf}`,
    '/d': doors,
    '/t': trusted,
  };
  return loadConfig({ file: '/c' }, (path) => texts[path]);
}

/** A host with which nothing is wrong, and what is to be otherwise. */
export function facts(other: Partial<Facts> & Texts = {}): Facts {
  const value = config(other);
  return {
    config: { ok: true, value },
    templateFaults: [],
    templateRemarks: [],
    unreadable: [],
    recognised: recognised(value),
    tried: undefined,
    life: { kind: 'running', state: 'armed', meaning: 'all is well' },
    missingTools: [],
    ipsetProblem: undefined,
    probe: { heard: true, afterMs: 1 },
    backend: 'nft',
    rules: new Map(),
    nftTables: [],
    unread: [],
    addresses: [],
    interfaces: ['lo', 'eth0'],
    listenerUser: 'fit',
    listening: [],
    knockds: [],
    savedRules: [],
    hasPlugin: false,
    starters: {
      init: 'systemd',
      unit: 'enabled',
      script: 'absent',
      cron: { file: true, program: true },
    },
    session: undefined,
    ...other,
  };
}

/** What is found, beside what is good. */
export function found(other: Parameters<typeof facts>[0] = {}): Finding[] {
  return examine(facts(other)).filter(({ level }) => level !== 'good');
}

/** `danger: TEXT | so: MEANS | fix: MEND` of each. */
export function told(other: Parameters<typeof facts>[0] = {}): string[] {
  return found(other).map(
    ({ level, text, effect = '', fix = '' }) => `${level}: ${text} | so: ${effect} | fix: ${fix}`,
  );
}

/** Rules of one back end and one family, as iptables-save prints them. */
export function rules(
  backend: 'nft' | 'legacy',
  family: Family,
  ...lines: readonly string[]
): Facts['rules'] {
  return new Map([[backend, new Map([[family, parse([...lines, ''].join('\n'))]])]]);
}

/** A program that listens at a TCP port, for everybody. */
export function listening(port: number, program?: string, more: Partial<Listening> = {}): Listening {
  return { protocol: 'tcp', port, family: 4, isLoopback: false, program, ...more };
}

import type { Result } from '../base/result.js';

import type { ServiceSettings } from './settings.js';

/** The number of a service name such as `ssh`; undefined where it is unknown. */
export type PortLookUp = (name: string) => number | undefined;

/** What the last words of `-A INPUT -p tcp --dport 22 -j ACCEPT` say. */
export interface ShellRule {
  readonly append: string | undefined;
  readonly insert: string | undefined;
  readonly delete: string | undefined;
  readonly table: string;
  readonly protocol: string | undefined;
  readonly ports: string | undefined;
  readonly jump: string | undefined;
}

const OPTION_NAMES: ReadonlyMap<string, keyof ShellRule> = new Map<string, keyof ShellRule>([
  ['-A', 'append'],
  ['--append', 'append'],
  ['-I', 'insert'],
  ['--insert', 'insert'],
  ['-D', 'delete'],
  ['--delete', 'delete'],
  ['-t', 'table'],
  ['--table', 'table'],
  ['-p', 'protocol'],
  ['--protocol', 'protocol'],
  ['--proto', 'protocol'],
  ['--dport', 'ports'],
  ['--dports', 'ports'],
  ['--destination-port', 'ports'],
  ['--destination-ports', 'ports'],
  ['-j', 'jump'],
  ['--jump', 'jump'],
]);

/**
 * Looks for a rule that a door's own shell line appends to open a port that a service protects: it
 * would stand behind our jump and never be reached. Gives what to do about it, or undefined.
 */
export function shadowedPorts(
  line: string,
  services: readonly ServiceSettings[],
  lookUp: PortLookUp,
): string | undefined {
  for (const rule of shellRules(line)) {
    for (const service of services) {
      if (rule.append !== service.chain || rule.jump !== 'ACCEPT' || rule.table !== 'filter') continue;
      if (rule.protocol !== undefined && rule.protocol.toLowerCase() !== service.protocol) continue;
      const port = service.ports.find((candidate) => covers(rule.ports ?? '', candidate, lookUp));
      if (port === undefined) continue;
      return (
        `its rule for port ${port} would stand behind the jump of service ${service.name} and never be reached: ` +
        `use "knockctl accept %IP%", or -I ${service.chain} instead of -A ${service.chain}`
      );
    }
  }
  return undefined;
}

/** The rules of the line's iptables commands, read loosely: this serves warnings, and the check of gate = strict. */
export function shellRules(line: string): readonly ShellRule[] {
  const rules: ShellRule[] = [];
  for (const command of line.split(/[;&|\n]+/)) {
    const words = command.trim().split(/\s+/).map(withoutQuotes);
    const program = words.findIndex((word) => /(?:^|\/)ip6?tables(?:-nft|-legacy)?$/.test(word));
    if (program === -1) continue;
    const found = new Map<keyof ShellRule, string>();
    for (const [index, word] of words.entries()) {
      const equals = word.startsWith('--') ? word.indexOf('=') : -1;
      const name = OPTION_NAMES.get(equals === -1 ? word : word.slice(0, equals));
      if (name !== undefined)
        found.set(name, equals === -1 ? (words[index + 1] ?? '') : word.slice(equals + 1));
    }
    rules.push({
      append: found.get('append'),
      insert: found.get('insert'),
      delete: found.get('delete'),
      table: found.get('table') ?? 'filter',
      protocol: found.get('protocol'),
      ports: found.get('ports'),
      jump: found.get('jump'),
    });
  }
  return rules;
}

function withoutQuotes(word: string): string {
  return word.replace(/^(["'])(.*)\1$/, '$2');
}

/** True where `22`, `ssh`, `20:25` or a list of such has the port. */
export function covers(ports: string, port: number, lookUp: PortLookUp): boolean {
  return ports.split(',').some((item) => {
    const [first = 0, last = first] = item
      .split(':')
      .map((word) => (/^[0-9]+$/.test(word) ? Number(word) : lookUp(word)));
    return first <= port && port <= last;
  });
}

/** Port names from the text of /etc/services, which is read when the first name is looked up. */
export function portNames(readServices: () => Result<string | undefined>): PortLookUp {
  let names: Map<string, number> | undefined;
  return (name) => {
    names ??= parseServices(readServices());
    return names.get(name);
  };
}

function parseServices(text: Result<string | undefined>): Map<string, number> {
  // A machine without the file: the names that doors have in practice.
  const names = new Map([
    ['ftp', 21],
    ['ssh', 22],
    ['http', 80],
    ['https', 443],
  ]);
  const content = text.ok ? (text.value ?? '') : '';
  for (const [, name, port] of content.matchAll(/^([A-Za-z0-9_.+-]+)[ \t]+([0-9]{1,5})\/(?:tcp|udp)\b/gm)) {
    if (name !== undefined) names.set(name, Number(port));
  }
  return names;
}

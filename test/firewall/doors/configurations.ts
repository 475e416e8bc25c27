import type { Family } from '../../../src/base/address.js';
import { parseKnockdConf } from '../../../src/config/knockd/knockd-conf.js';
import { parseKnockctlConf } from '../../../src/config/knockctl/knockctl-conf.js';
import { impliedService } from '../../../src/config/knockctl/services.js';
import type { DoorSettings, Settings } from '../../../src/config/settings.js';
import { compileDoors, type CompiledDoors } from '../../../src/firewall/doors/compile.js';
import { decideEligibility, type Placement } from '../../../src/firewall/doors/eligibility.js';

/** A configuration, and what it is an example of. */
export interface Example {
  readonly name: string;
  readonly doors: string;
  readonly conf?: string;
}

export const EXAMPLES: readonly Example[] = [
  {
    name: 'nantes',
    doors: `
[openSSH]
sequence      = 7000,8000,9000
seq_timeout   = 5
tcpflags      = syn
start_command = knockctl accept %IP%
[closeSSH]
sequence      = 9000,8000,7000
seq_timeout   = 5
tcpflags      = syn
start_command = knockctl flush %IP%
`,
  },
  {
    name: 'shared-ports',
    doors: `
[open ssh]
sequence      = 7000,8000,9000
start_command = knockctl accept %IP% --service ssh
cmd_timeout   = 60
stop_command  = knockctl flush %IP%
[open web]
sequence      = 7000,8000,7000,8000
start_command = knockctl accept %IP% --service web
[wake]
sequence      = 8000,7001
start_command = etherwake 00:11:22:33:44:55
`,
    conf: '[service.ssh]\naccept_timeout = 0\n[service.web]\nports = 80, 443\naccept_timeout = 3600\n[listener]\nduplicates = tolerate\n',
  },
  {
    name: 'flags-and-udp',
    doors: `
[mixed]
sequence      = 7000:udp,8000,9000:udp,8000
seq_timeout   = 20
tcpflags      = syn,!ack,!rst
start_command = knockctl accept %IP% --timeout 30
[odd]
sequence      = 1234,1235
tcpflags      = !syn,fin
start_command = knockctl accept %IP%
`,
    conf: '[listener]\ninterface = eth0, wg0\n',
  },
  {
    name: 'target',
    doors: `
[routed]
sequence      = 7000,8000
tcpflags      = syn
target        = 203.0.113.7
start_command = knockctl accept %IP%
[routed6]
sequence      = 7000,8000
tcpflags      = syn
target        = 2001:db8::7
start_command = knockctl accept %IP%
[own]
sequence      = 7000,8000
tcpflags      = syn
start_command = knockctl accept %IP%
`,
  },
  {
    name: 'decoy',
    doors: `
[trap]
sequence      = 23
tcpflags      = syn
start_command = knockctl drop %IP%
[one packet]
sequence      = 62201:udp
start_command = knockctl accept %IP% --service ssh
`,
    conf: '[service.ssh]\n[service.web]\nports = 80\nban_timeout = 600\n',
  },
];

/** What the reader of the configuration makes of it. */
export function readExample({ doors, conf = '' }: Example): {
  readonly doors: readonly DoorSettings[];
  readonly settings: Settings;
} {
  const read = parseKnockctlConf(conf, 'knockctl.conf');
  const services = read.services.length > 0 ? read.services : [impliedService()];
  return { doors: parseKnockdConf(doors, 'knockd.conf').doors, settings: { ...read.settings, services } };
}

export function placements(example: Example, family: Family): Placement[] {
  const { doors, settings } = readExample(example);
  const { duplicates } = settings.listener;
  return decideEligibility(
    doors,
    settings.services,
    { families: settings.firewall.families, duplicates },
    family,
  );
}

export function compiled(example: Example, family: Family): CompiledDoors {
  const { interfaces, duplicates } = readExample(example).settings.listener;
  const { doorSources: sources } = readExample(example).settings.firewall;
  return compileDoors(placements(example, family), {
    family,
    instance: 'knock',
    interfaces,
    duplicates,
    sources,
  });
}

/** The lines that make the sets, and one transaction for iptables-restore. */
export function loadText({ sets, rules }: CompiledDoors): { readonly sets: string; readonly rules: string } {
  const heads = [...rules.chains.keys()].map((chain) => `:${chain} - [0:0]`);
  const bodies = [...rules.chains].flatMap(([chain, lines]) => lines.map((line) => `-A ${chain} ${line}`));
  const jumps = rules.jumps.toReversed().map(({ chain, rule }) => `-I ${chain} ${rule}`);
  return {
    sets: sets.map(({ name, create }) => `create ${name} ${create}\n`).join(''),
    rules: ['*filter', ...heads, ...bodies, ...jumps, 'COMMIT', ''].join('\n'),
  };
}

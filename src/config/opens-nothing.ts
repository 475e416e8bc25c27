import type { ServiceSettings } from './settings.js';
import { covers, shellRules, type PortLookUp, type ShellRule } from './shadow.js';

/** Doors of the shell beside `gate = strict`: a rule that they write in the table filter opens no port of such a service. */

/** What is wrong with a door's line beside a strict service; `sure`: the rule is about packets to that service. */
interface OpensNothing {
  readonly text: string;
  readonly sure: boolean;
}

const BUILT_IN: readonly string[] = ['INPUT', 'FORWARD', 'OUTPUT'];
/** Both see what is forwarded. */
const FORWARDED: readonly string[] = ['FORWARD', 'DOCKER-USER'];

/** The first rule of the line that would open a strict service's port, and does not; undefined where there is none. */
export function opensNothing(
  line: string,
  services: readonly ServiceSettings[],
  lookUp: PortLookUp,
): OpensNothing | undefined {
  // Who is accepted as well may write what else they like.
  if (/\bknock(?:ctl|d)\b.*\baccept\b/.test(line)) return undefined;
  const found: OpensNothing[] = [];
  for (const service of services.filter(({ gate }) => gate === 'strict')) {
    for (const what of [...shellRules(line).map(byIptables), ...otherTools(line)]) {
      if (what === undefined) continue;
      const port = service.ports.find((candidate) => isAbout(what, service.protocol, candidate, lookUp));
      if (port === undefined || what.sees(service.chain) === 'no') continue;
      const text =
        `its rule for port ${port} would open nothing: service ${service.name} has gate = strict, which no rule of the ` +
        `table filter gets round; use "knockctl accept %IP%", or gate = normal in [service.${service.name}]`;
      found.push({ text, sure: what.sees(service.chain) === 'yes' });
    }
  }
  return found.find(({ sure }) => sure) ?? found[0];
}

/** A rule that lets packets through. */
interface Opening {
  readonly protocol: string | undefined;
  /** As they are written; undefined: all. */
  readonly ports: string | undefined;
  /** Whether packets to a service come by: that is not known of a chain of the administrator's own. */
  readonly sees: (chain: string) => 'yes' | 'no' | 'perhaps';
}

function byIptables(rule: ShellRule): Opening | undefined {
  const added = rule.insert ?? rule.append;
  const isAccept = added !== undefined && rule.jump === 'ACCEPT';
  const isNoMoreDrop = rule.delete !== undefined && ['DROP', 'REJECT'].includes(rule.jump ?? '');
  const chain = added ?? rule.delete;
  if ((!isAccept && !isNoMoreDrop) || chain === undefined || rule.table !== 'filter') return undefined;
  const sees = (of: string): 'yes' | 'no' | 'perhaps' => {
    if (chain === of || (FORWARDED.includes(chain) && FORWARDED.includes(of))) return 'yes';
    return BUILT_IN.includes(chain) ? 'no' : 'perhaps';
  };
  return { protocol: rule.protocol, ports: rule.ports, sees };
}

/** Rules that other tools write, by what their lines look like most. */
function otherTools(line: string): Opening[] {
  const openings: Opening[] = [];
  const add = (protocol: string | undefined, ports: string | undefined): void => {
    openings.push({ protocol, ports, sees: (chain) => (chain === 'INPUT' ? 'yes' : 'perhaps') });
  };
  for (const command of line.split(/[;&|\n]+/)) {
    if (/\bufw\b.*\b(?:allow|limit)\b/.test(command) && !/\b(?:delete|route)\b/.test(command)) {
      const [, ports, protocol] =
        /\bport\s+([\w,:]+)(?:.*\bproto\s+(\w+))?/.exec(command) ??
        /\b(?:allow|limit)\s+(?:in\s+)?([\w,:]+)(?:\/(\w+))?\s*$/.exec(command) ??
        [];
      add(protocol, ports);
    } else if (/\bfirewall-cmd\b.*--add-(?:rich-rule|port|service)\b/.test(command)) {
      if (/\b(?:drop|reject)\b/.test(command)) continue;
      const [, ports, protocol] =
        /--add-port[= ]([\w-]+)\/(\w+)/.exec(command) ??
        /\bport\s+port=\W?([\w-]+)\W+(?:protocol=\W?(\w+))?/.exec(command) ??
        /(?:--add-service[= ]|service name=)\W?([\w-]+)/.exec(command) ??
        [];
      add(protocol, ports?.replace('-', ':'));
    } else if (/\bnft\b.*\b(?:add|insert)\s+rule\b.*\baccept\b/.test(command)) {
      const [, protocol, ports] =
        /\b(tcp|udp|th)\s+dport\s+\{?\s*([\w,\s-]+?)\s*(?:\}|\s\D)/.exec(command) ?? [];
      add(protocol === 'th' ? undefined : protocol, ports?.replaceAll(/\s/g, '').replaceAll('-', ':'));
    }
  }
  return openings;
}

function isAbout({ protocol, ports }: Opening, wanted: string, port: number, lookUp: PortLookUp): boolean {
  const isAny = protocol === undefined || protocol === 'all' || protocol === '0';
  if (!isAny && protocol.toLowerCase() !== wanted) return false;
  return ports === undefined || covers(ports, port, lookUp);
}

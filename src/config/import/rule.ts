import { quote, type Family } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';
import { ParseError } from '../../iptables-parser/error.js';
import { parseRule, type Rule } from '../../iptables-parser/rule.js';
import type { RuleOption } from '../../iptables-parser/types.js';
import { quoteIfNeeded, splitWords } from '../../iptables-parser/words.js';
import type { Protocol } from '../../knock/door.js';

import type { PortLookUp } from '../shadow.js';
import { CHAIN } from '../values.js';

/** What a service protects, as a door's rule names it. */
export interface Place {
  readonly protocol: Protocol;
  readonly port: number;
  readonly chain: string;
}

/** A door's iptables command that a verb can do as well. */
export interface DoorRule {
  /** True for -A and -I, false for -D. */
  readonly adds: boolean;
  readonly verdict: 'ACCEPT' | 'DROP';
  readonly family: Family;
  /** undefined only for a DROP of everything that the address sends. */
  readonly place: Place | undefined;
  /** True where only the first packet of a connection matches. */
  readonly newOnly: boolean;
  /** Equal for a rule and the -D that takes it away. */
  readonly identity: string;
}

const PROGRAM = /^(?:\/(?:usr\/)?(?:local\/)?s?bin\/)?ip(6?)tables$/;
/** Words, quoted or not, that a shell and iptables-restore read alike. */
const PLAIN = /^(?:[A-Za-z0-9_.,:/%=!+@ \t-]|"[^"'$`\\]*"(?=[ \t]|$)|'[^"'\\]*'(?=[ \t]|$))+$/;
const COMMANDS = ['-A', '-I', '-D', '--append', '--insert', '--delete'];
const MODULES = ['tcp', 'udp', 'multiport', 'state', 'conntrack', 'comment'];
const STATES = ['NEW', 'ESTABLISHED', 'RELATED'];
/** Chains that traffic of others passes, or that knockctl cannot judge. */
const NOT_OURS = ['FORWARD', 'DOCKER-USER'];

/**
 * Reads `iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT` and its like. The reason of a refusal
 * says what in the line a verb could not do as well.
 */
export function readDoorRule(line: string, lookUp: PortLookUp): Result<DoorRule> {
  if (!PLAIN.test(line)) return refuse('only a shell can carry it out: a verb is one plain command');
  const [program = '', ...words] = splitWords(line.replace(/'([^']*)'/g, '"$1"'));
  const six = PROGRAM.exec(program)?.[1];
  if (six === undefined) return refuse(`${quote(program)} is not iptables or ip6tables`);
  const arranged = arrange(words);
  if (!arranged.ok) return arranged;
  let rule: Rule;
  try {
    rule = parseRule(arranged.value.map(quoteIfNeeded).join(' '));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return refuse(`not a rule that iptables takes (${error.message})`);
  }
  return judge(rule, six === '6' ? 6 : 4, lookUp);
}

/** The words with the command, its chain and its number in front, without `-w` and `-t filter`. */
function arrange(words: readonly string[]): Result<readonly string[]> {
  const rest = [...words];
  const wait = rest.findIndex((word) => /^(?:-w|--wait)(?:=?\d+)?$/.test(word));
  if (wait !== -1) rest.splice(wait, /^\d+$/.test(rest[wait + 1] ?? '') ? 2 : 1);
  const table = rest.findIndex((word) => word === '-t' || word === '--table');
  if (table !== -1) {
    const [, name = ''] = rest.splice(table, 2);
    if (name !== 'filter') return refuse(`its rule is in table ${quote(name)}, a service’s are in filter`);
  }
  const at = rest.findIndex((word) => COMMANDS.includes(word));
  if (at === -1) return refuse('it neither adds a rule (-A, -I) nor deletes one (-D)');
  const front = rest.splice(at, /^\d+$/.test(rest[at + 2] ?? '') ? 3 : 2);
  return ok([...front, ...rest]);
}

function judge(rule: Rule, family: Family, lookUp: PortLookUp): Result<DoorRule> {
  const adds = rule.command !== 'delete';
  if (!adds && rule.position !== undefined)
    return refuse('it deletes a rule by its number, whichever that is');
  const chain = readChain(rule.chain ?? '');
  if (!chain.ok) return chain;
  const stranger = strangerIn(rule, family);
  if (stranger !== undefined) return refuse(stranger);
  const found = readOptions(rule, lookUp);
  if (!found.ok) return found;
  const verdict = rule.target?.name;
  if (verdict !== 'ACCEPT' && verdict !== 'DROP') {
    return refuse(`its target ${quote(verdict ?? '')} is neither ACCEPT nor DROP`);
  }
  const { port, isNew, detail } = found.value;
  const written = rule.protocol?.value.toLowerCase();
  const protocol = (['tcp', 'udp'] as const).find((known) => known === written);
  if (written !== protocol) return refuse(`its protocol ${quote(written ?? '')} is neither tcp nor udp`);
  const isWhole = verdict === 'DROP' && protocol === undefined && port === undefined && detail === '';
  if (!isWhole && (protocol === undefined || port === undefined)) {
    return refuse('it names no protocol with one port, and a service needs that');
  }
  const place =
    protocol === undefined || port === undefined ? undefined : { protocol, port, chain: chain.value };
  const identity = JSON.stringify([family, chain.value, protocol, port, detail, rule.comments, verdict]);
  return ok<DoorRule>({ adds, verdict, family, place, newOnly: isNew, identity });
}

function readChain(name: string): Result<string> {
  const chain = CHAIN.parse(name);
  if (chain.ok && NOT_OURS.includes(chain.value)) {
    return refuse(
      `in ${chain.value} a service would shut the port for the traffic of other machines too: ` +
        `write [service.NAME] with chain = ${chain.value} and address = by hand, if that is meant`,
    );
  }
  return chain;
}

/** What in the rule no service has; undefined: nothing. */
function strangerIn(rule: Rule, family: Family): string | undefined {
  const { source, destination, inInterface, outInterface, otherOptions, matches } = rule;
  const whole = family === 4 ? '%IP%/32' : '%IP%/128';
  if (source?.negated !== false || (source.value !== '%IP%' && source.value !== whole)) {
    return 'its source is not the address that knocked (-s %IP%)';
  }
  if (destination !== undefined) {
    return `it is for the destination ${destination.value} only: write [service.NAME] with address = by hand`;
  }
  const device = inInterface ?? outInterface;
  if (device !== undefined) return `it is for the interface ${device.value} only, and a service is for all`;
  if (rule.protocol?.negated === true) return 'it is for all protocols but one';
  const [other] = otherOptions;
  if (other !== undefined) return `${quote(other.name || other.values.join(' '))} is not understood here`;
  const match = matches.find(({ module }) => !MODULES.includes(module.toLowerCase()));
  if (match !== undefined) return `the match ${quote(match.module)} has no like in a service`;
  return rule.target?.by === 'goto' ? 'it goes to a chain (-g)' : undefined;
}

interface Options {
  readonly port: number | undefined;
  readonly isNew: boolean;
  /** How port and state are written: rules that differ in it are two to the kernel. */
  readonly detail: string;
}

/** The options of all matches: by hand they are written behind any of them, and behind the target. */
function readOptions(rule: Rule, lookUp: PortLookUp): Result<Options> {
  let port: number | undefined;
  let isNew = false;
  const details: string[] = [];
  for (const option of [...rule.matches, ...(rule.target === undefined ? [] : [rule.target])].flatMap(
    (part) => part.options,
  )) {
    const value = option.values.join(' ');
    if (option.negated) return refuse(`! ${option.name} ${value} has no like in a service`);
    switch (option.name) {
      case '--dport':
      case '--destination-port':
      case '--dports':
      case '--destination-ports': {
        const read = onePort(value, lookUp);
        if (port !== undefined || !read.ok) return read.ok ? refuse('it names its port twice') : read;
        port = read.value;
        if (option.name.endsWith('s')) details.push('multiport');
        break;
      }
      case '--syn':
      case '--state':
      case '--ctstate':
        if (!isStateOf(option)) return refuse(`${option.name} ${value} is not about new connections`);
        isNew ||= option.name === '--syn' || value === 'NEW';
        details.push(`${option.name} ${value.split(',').sort().join(',')}`);
        break;
      case '--comment':
        break;
      default:
        return refuse(`${quote(option.name || value)} is not understood here`);
    }
  }
  return ok({ port, isNew, detail: details.sort().join(' ') });
}

/** True where the option lets new connections match, whatever else. */
function isStateOf({ name, values }: RuleOption): boolean {
  if (name === '--syn') return values.length === 0;
  const states = values.join(' ').split(',');
  return states.includes('NEW') && states.every((state) => STATES.includes(state));
}

function onePort(text: string, lookUp: PortLookUp): Result<number> {
  if (/[,:]/.test(text)) {
    return refuse(
      `it opens several ports (${text}): write [service.NAME] with all of them in ports = ` +
        'and knockctl accept %IP% --service NAME by hand',
    );
  }
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : lookUp(text);
  return port === undefined || port < 1 || port > 65_535 ? refuse(`${quote(text)} is not a port`) : ok(port);
}

import { quote, type Family } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';
import { ParseError } from '../../iptables-parser/error.js';
import { parseRule, type Rule } from '../../iptables-parser/rule.js';
import type { RuleOption } from '../../iptables-parser/types.js';
import { quoteIfNeeded } from '../../iptables-parser/words.js';

import type { PortLookUp } from '../shadow.js';
import { CHAIN } from '../values.js';
import { isKnocker, readPorts, type Effect, type EffectReader } from './effect.js';

/** Commands of iptables and ip6tables. */

const PROGRAM = /^(?:\/(?:usr\/)?(?:local\/)?s?bin\/)?ip(6?)tables(?:-nft|-legacy)?$/;
const COMMANDS = ['-A', '-I', '-D', '-C', '--append', '--insert', '--delete', '--check'];
const CHECKS = ['-C', '--check'];
const MODULES = ['tcp', 'udp', 'multiport', 'state', 'conntrack', 'comment'];
const STATES = ['NEW', 'ESTABLISHED', 'RELATED'];
/** Chains that traffic of others passes, or that knockctl cannot judge. */
const NOT_OURS = ['FORWARD', 'DOCKER-USER'];

/**
 * Reads `iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT` and its like. The reason of a refusal
 * says what in the command a verb could not do as well.
 */
export const readIptables: EffectReader = ([program = '', ...words], lookUp) => {
  const six = PROGRAM.exec(program)?.[1];
  if (six === undefined) return undefined;
  const arranged = arrange(words);
  if (!arranged.ok) return arranged;
  const { isTest } = arranged.value;
  let rule: Rule;
  try {
    rule = parseRule(arranged.value.words.map(quoteIfNeeded).join(' '));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return refuse(`not a rule that iptables takes (${error.message})`);
  }
  const effect = judge(rule, six === '6' ? 6 : 4, lookUp);
  return effect.ok && isTest ? ok({ ...effect.value, action: 'test' as const }) : effect;
};

/** The words with the command, its chain and its number in front, without `-w` and `-t filter`. */
function arrange(words: readonly string[]): Result<{ words: readonly string[]; isTest: boolean }> {
  const rest = words.flatMap(withValue);
  const wait = rest.findIndex((word) => /^(?:-w|--wait)(?:=?\d+)?$/.test(word));
  if (wait !== -1) rest.splice(wait, /^\d+$/.test(rest[wait + 1] ?? '') ? 2 : 1);
  const interval = rest.findIndex((word) => /^(?:-W|--wait-interval)$/.test(word));
  if (interval !== -1) rest.splice(interval, 2);
  const table = rest.findIndex((word) => word === '-t' || word === '--table');
  if (table !== -1) {
    const [, name = ''] = rest.splice(table, 2);
    if (name !== 'filter') return refuse(`its rule is in table ${quote(name)}, a service’s are in filter`);
  }
  const at = rest.findIndex((word) => COMMANDS.includes(word));
  if (at === -1) return refuse('it neither adds a rule (-A, -I) nor deletes one (-D)');
  const front = rest.splice(at, /^\d+$/.test(rest[at + 2] ?? '') ? 3 : 2);
  const isTest = CHECKS.includes(front[0] ?? '');
  return ok({ words: [...(isTest ? ['-A', ...front.slice(1)] : front), ...rest], isTest });
}

/** getopt_long(3): `--table=filter` is `--table filter`. */
function withValue(word: string): readonly string[] {
  const [, name, value] = /^(--(?:table|append|insert|delete|check))=(.*)$/s.exec(word) ?? [];
  return name === undefined || value === undefined ? [word] : [name, value];
}

function judge(rule: Rule, family: Family, lookUp: PortLookUp): Result<Effect> {
  const isDelete = rule.command === 'delete';
  if (isDelete && rule.position !== undefined)
    return refuse('it deletes a rule by its number, whichever that is');
  const chain = readChain(rule.chain ?? '');
  if (!chain.ok) return chain;
  const stranger = strangerIn(rule);
  if (stranger !== undefined) return refuse(stranger);
  const found = readOptions(rule, lookUp);
  if (!found.ok) return found;
  const isForAll = rule.source === undefined || isEverybody(rule.source.value);
  const target = rule.target?.name ?? '';
  const isShut = target === 'DROP' || (target === 'REJECT' && isForAll);
  if (target !== 'ACCEPT' && !isShut) {
    return refuse(`its target ${quote(target)} is neither ACCEPT nor DROP`);
  }
  const { ports, isNew, detail } = found.value;
  const written = rule.protocol?.value.toLowerCase();
  const protocol = (['tcp', 'udp'] as const).find((known) => known === written);
  if (written !== protocol) return refuse(`its protocol ${quote(written ?? '')} is neither tcp nor udp`);
  const isWhole = isShut && !isForAll && protocol === undefined && ports === undefined && detail === '';
  if (!isWhole && (protocol === undefined || ports === undefined)) {
    return refuse('it names no protocol with its ports, and a service needs that');
  }
  const place =
    protocol === undefined || ports === undefined ? undefined : { protocol, ports, chain: chain.value };
  const whose = isForAll ? 'all' : 'one';
  const identity = JSON.stringify([
    ...['iptables', family, chain.value, protocol, ports, detail, rule.comments, target, whose],
  ]);
  // To take away what refuses everybody is to let in, and to put it there shuts.
  const lets = isForAll && isShut ? isDelete : !isDelete;
  return ok<Effect>({
    action: lets ? 'add' : 'delete',
    verdict: isForAll ? 'ACCEPT' : isShut ? 'DROP' : 'ACCEPT',
    ...{ family, place, isForAll, newOnly: isNew, identity, remarks: [] },
  });
}

function isEverybody(source: string): boolean {
  return /^(?:0\.0\.0\.0|::|0)\/0$/.test(source);
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
function strangerIn(rule: Rule): string | undefined {
  const { source, destination, inInterface, outInterface, otherOptions, matches } = rule;
  if (source !== undefined && !isEverybody(source.value) && (source.negated || !isKnocker(source.value))) {
    return `its source is ${source.negated ? 'all but ' : ''}${source.value}, not the address that knocked (-s %IP%)`;
  }
  if (destination !== undefined) {
    return `it is for the destination ${destination.value} only: write [service.NAME] with address = by hand`;
  }
  const device = inInterface ?? outInterface;
  if (device !== undefined) {
    const option = inInterface === undefined ? '-o' : '-i';
    return device.negated
      ? `it is for every interface but ${device.value} (! ${option} ${device.value}), and a service is for all`
      : `it is for the interface ${device.value} only (${option} ${device.value}), and a service is for all`;
  }
  if (rule.protocol?.negated === true) return 'it is for all protocols but one';
  const [other] = otherOptions;
  if (other !== undefined) return `${quote(other.name || other.values.join(' '))} is not understood here`;
  const match = matches.find(({ module }) => !MODULES.includes(module.toLowerCase()));
  if (match !== undefined) return `the match ${quote(match.module)} has no like in a service`;
  return rule.target?.by === 'goto' ? 'it goes to a chain (-g)' : undefined;
}

interface Options {
  readonly ports: readonly number[] | undefined;
  readonly isNew: boolean;
  /** How port and state are written: rules that differ in it are two to the kernel. */
  readonly detail: string;
}

/** The options of all matches: by hand they are written behind any of them, and behind the target. */
function readOptions(rule: Rule, lookUp: PortLookUp): Result<Options> {
  let ports: readonly number[] | undefined;
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
        const read = readPorts(value, lookUp);
        if (ports !== undefined || !read.ok) return read.ok ? refuse('it names its port twice') : read;
        ports = read.value;
        // multiport(8) has --dport as well, as an abbreviation.
        if (option.name.endsWith('s') || value.includes(',')) details.push('multiport');
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
      case '--reject-with':
        break;
      default:
        return refuse(`${quote(option.name || value)} is not understood here`);
    }
  }
  return ok({ ports, isNew, detail: details.sort().join(' ') });
}

/** True where the option lets new connections match, whatever else. */
function isStateOf({ name, values }: RuleOption): boolean {
  if (name === '--syn') return values.length === 0;
  const states = values.join(' ').split(',');
  return states.includes('NEW') && states.every((state) => STATES.includes(state));
}

import type { Family } from '../../base/address.js';
import type { Service } from '../model/service.js';
import { expandTemplate, type Template } from './template.js';

/** What a template of an administrator's own lacks. It is taken all the same: it may be meant. Pure. */
export interface TemplateRemark {
  /** What is missing, with the file. */
  readonly text: string;
  readonly effect: string;
  /** The lines to add. */
  readonly fix: string;
  /** Strangers can get in, or what the host sends to itself is refused. */
  readonly level: 'danger' | 'warning';
}

interface Expanded {
  readonly service: Service;
  readonly family: Family;
  readonly jumps: readonly string[];
  /** Of all chains, the jumps included. */
  readonly rules: readonly string[];
}

interface Check extends TemplateRemark {
  readonly lacks: (one: Expanded) => boolean;
}

const has = (rules: readonly string[], words: RegExp): boolean => rules.some((rule) => words.test(rule));

const CHECKS: readonly Check[] = [
  {
    lacks: ({ rules }) => !has(rules, /-m (?:socket|conntrack|state) /),
    text: 'nothing makes the kernel reassemble fragments in front of these rules',
    effect: 'a connection begun in fragments that no rule can read gets in, banned or not',
    fix: 'add ":@SERVICE@_reassemble - [0:0]" and "-A @SERVICE@_reassemble @REASSEMBLE@ -j RETURN" (that is -m socket, or what the kernel has instead)',
    level: 'danger',
  },
  {
    lacks: ({ service: { chain }, family, rules }) =>
      family === 6
        ? !has(rules, /-m frag /) || !has(rules, /-m u32 .*-j DROP/)
        : chain !== 'INPUT' && !has(rules, / -f /),
    text: 'fragments that the kernel does not reassemble, or misreads, meet no rule',
    effect: 'a connection begun in fragments within others, or behind extension headers, gets in',
    fix: 'take over from the rules/service.rules that is shipped the lines that name @FRAGMENT@, @HEADERS@ and @MISREAD@, and all of the chains @SERVICE@_hidden and @SERVICE@_headers',
    level: 'danger',
  },
  {
    lacks: ({ service: { addresses }, family, rules }) =>
      family === 6 && addresses.length > 0 && !has(rules, /-m rt /),
    text: 'packets that a routing header takes on to the protected address meet no rule',
    effect: 'where the host follows such headers (seg6_enabled), the port is open to who sends them',
    fix: 'take over from the rules/service.rules that is shipped the line that names @ROUTED@',
    level: 'warning',
  },
  {
    lacks: ({ service: { chain, protocol, strays }, jumps }) =>
      chain === 'INPUT' &&
      protocol === 'tcp' &&
      strays !== 'pass' &&
      !has(jumps, / ! --tcp-flags FIN,SYN,RST,ACK SYN /),
    text: 'packets that begin no connection and belong to none meet no rule',
    effect: 'the port answers them, and with SYN cookies in force one of them is a connection',
    fix: 'take over from the rules/service.rules that is shipped the lines that name @STRAY@ and @KNOWN@, and the chain @SERVICE@_stray',
    level: 'warning',
  },
  {
    lacks: ({ service: { chain }, jumps, rules }) =>
      chain !== 'OUTPUT' && !has(jumps, /! -i lo /) && !has(rules, /^-i lo /),
    text: 'the jump concerns what the host sends to itself too',
    effect: 'the host cannot connect to its own port: monitoring, git and ssh to localhost time out',
    fix: 'add @FROM@ behind @TO@ in the rule for @CHAIN@',
    level: 'warning',
  },
  {
    lacks: ({ rules }) => !has(rules, /--match-set \S+_decoyed[46] src/),
    text: 'no rule names @SERVICE@_decoyed@V@',
    effect: 'bans by doors have no effect',
    fix: 'take over from the rules/service.rules that is shipped the chain @SERVICE@_decoyed and the jump to it',
    level: 'warning',
  },
  {
    lacks: ({ rules }) => !has(rules, /--match-set \S+_granted[46] src/),
    text: 'no rule names @SERVICE@_granted@V@',
    effect: 'a knock can shorten what was granted by hand',
    fix: 'add "-A @SERVICE@_filter -m set --match-set @SERVICE@_granted@V@ src -j ACCEPT"',
    level: 'warning',
  },
];

/** True if the rules of a template let in by the set of those granted by hand; of before that set, it does not. */
export function namesGranted({ text }: Template): boolean {
  return text.includes('@SERVICE@_granted@V@');
}

/** What the rules that a template makes lack, each remark once. Throws ConfigError if it does not fit a service. */
export function templateRemarks(
  template: Template,
  services: readonly Service[],
  families: readonly Family[],
): TemplateRemark[] {
  const expanded = services.flatMap((service) => families.map((family) => expand(template, service, family)));
  const concerned = expanded.filter(({ jumps }) => jumps.length > 0);
  return CHECKS.filter(({ lacks }) => concerned.some(lacks)).map(({ text, effect, fix, level }) => ({
    ...{ text: `${template.file}: ${text}`, effect, fix, level },
  }));
}

function expand(template: Template, service: Service, family: Family): Expanded {
  const { jumps, chains } = expandTemplate(template, service, family, undefined);
  // What is quoted is a comment, and may say anything.
  const plain = (rule: string): string => rule.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  const own = jumps.map(({ rule }) => plain(rule));
  return { service, family, jumps: own, rules: [...own, ...[...chains.values()].flat().map(plain)] };
}

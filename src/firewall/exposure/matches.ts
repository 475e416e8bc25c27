/** The conditions of a rule's matches for a new connection (iptables-extensions(8)). Pure. */
import type { Rule } from '../../iptables-parser/rule.js';
import type { Match, RuleOption } from '../../iptables-parser/types.js';
import type { Condition } from './box.js';
import { ALWAYS, CHOICE, few, known, NEVER, UNKNOWN, type NewConnection } from './newcomer.js';
import { addressRange, union, type Ranges } from './ranges.js';

/** Yields the conditions of all matches; stops after a `never`. */
export function* matchConditions({ matches }: Rule, newcomer: NewConnection): Generator<Condition> {
  for (const match of matches) {
    for (const condition of conditionsOf(match, newcomer)) {
      yield condition;
      if (condition.kind === 'never') return;
    }
  }
}

/** Matches that hold for some packets of any source, but not for all. */
const BY_CHANCE = new Set([
  ...['limit', 'hashlimit', 'connlimit', 'statistic', 'quota', 'time', 'length', 'ttl', 'hl', 'tos', 'dscp'],
  ...['ecn', 'tcpmss', 'rpfilter', 'physdev', 'frag', 'rt', 'hbh', 'dst', 'eui64', 'ipv6header', 'cpu'],
  ...['connbytes', 'dccp', 'ipvs', 'osf', 'socket', 'string', 'devgroup'],
]);

/** Matches of other protocols, and of packets that this host sends. */
const OF_OTHERS = new Set(['icmp', 'icmp6', 'ipv6-icmp', 'sctp', 'esp', 'ah', 'owner', 'igmp']);

function conditionsOf(match: Match, newcomer: NewConnection): readonly Condition[] {
  const { module, options } = match;
  if (BY_CHANCE.has(module)) return [CHOICE];
  if (OF_OTHERS.has(module)) return [NEVER];
  const judge = JUDGES[module];
  if (judge === undefined) return [UNKNOWN];
  const relevant = options.filter(({ name }) => name !== '');
  return judge(relevant, newcomer);
}

type Judge = (options: readonly RuleOption[], newcomer: NewConnection) => readonly Condition[];

const ports: Judge = (options, newcomer) => options.map((option) => portCondition(option, newcomer));
const states: Judge = (options, newcomer) => options.map((option) => stateCondition(option, newcomer));

const JUDGES: Readonly<Record<string, Judge>> = {
  comment: () => [],
  tcp: (options, newcomer) => (newcomer.protocol === 'tcp' ? ports(options, newcomer) : [NEVER]),
  udp: (options, newcomer) => (newcomer.protocol === 'udp' ? ports(options, newcomer) : [NEVER]),
  multiport: ports,
  conntrack: states,
  state: states,
  set: (options) => options.map(({ values, negated }) => setCondition(values, negated)),
  iprange: (options, newcomer) => options.map((option) => rangeCondition(option, newcomer)),
  addrtype: (options, newcomer) => options.map((option) => typeCondition(option, newcomer)),
  pkttype: (options, { protocol }) =>
    options.map(({ values, negated }) =>
      protocol === 'tcp' ? known((values[0] === 'unicast') !== negated) : CHOICE,
    ),
  recent: (options) => recentConditions(options),
  policy: (options) => policyConditions(options),
};

function portCondition(option: RuleOption, { port }: NewConnection): Condition {
  const { name, negated } = option;
  const value = option.values.join(',').replaceAll(' ', '');
  switch (name) {
    case '--dport':
    case '--destination-port':
    case '--dports':
    case '--destination-ports':
      return known(isAmong(value, port) !== negated);
    case '--sport':
    case '--source-port':
    case '--sports':
    case '--source-ports':
      return { kind: 'ranges', field: 'sourcePorts', ranges: portRanges(value), negated };
    case '--ports': // source or destination port
      if (isAmong(value, port)) return known(!negated);
      return { kind: 'ranges', field: 'sourcePorts', ranges: portRanges(value), negated };
    case '--syn':
      return known(!negated);
    case '--tcp-flags':
      return flagsCondition(option);
    case '--tcp-option':
      return CHOICE;
    default:
      return UNKNOWN;
  }
}

/** In the first packet SYN is set, and FIN, RST and ACK are not; PSH and URG are the sender's choice. */
function flagsCondition({ values, negated }: RuleOption): Condition {
  const [mask = [], set = []] = values.map((value) => (value === 'NONE' ? [] : value.split(',')));
  const looked = mask.includes('ALL') ? ['SYN', 'ACK', 'FIN', 'RST', 'PSH', 'URG'] : mask;
  const isSet = (flag: string): boolean => set.includes(flag) || set.includes('ALL');
  if (looked.includes('SYN') && !isSet('SYN')) return known(negated);
  if (['FIN', 'RST', 'ACK'].some((flag) => looked.includes(flag) && isSet(flag))) return known(negated);
  if (set.some((flag) => flag !== 'ALL' && !looked.includes(flag))) return known(negated);
  return looked.includes('PSH') || looked.includes('URG') ? CHOICE : known(!negated);
}

function stateCondition({ name, values, negated }: RuleOption, newcomer: NewConnection): Condition {
  const value = values.join(',');
  const list = value.split(',');
  switch (name) {
    case '--ctstate':
    case '--state':
      if (list.includes(newcomer.state)) return known(!negated);
      // These states mean that a nat rule has redirected the packet.
      return list.includes('DNAT') || list.includes('SNAT') ? UNKNOWN : known(negated);
    case '--ctdir':
      return known((value === 'ORIGINAL') !== negated && newcomer.state === 'NEW');
    case '--ctproto':
      return known((value === '6' || value === '17' || value === newcomer.protocol) !== negated);
    case '--ctstatus':
      // For a first packet, only NONE holds.
      return list.includes('DNAT') || list.includes('EXPECTED')
        ? UNKNOWN
        : known(list.includes('NONE') !== negated);
    case '--ctexpire':
      return CHOICE;
    default:
      return UNKNOWN;
  }
}

function setCondition([name = '', by = '']: readonly string[], negated: boolean): Condition {
  const looks = by.split(',');
  if (looks[0] === 'src' && looks.every((one) => one === 'src'))
    return few(`members of the set ${name}`, negated);
  return UNKNOWN;
}

function rangeCondition({ name, values, negated }: RuleOption, { family }: NewConnection): Condition {
  const ranges = addressRange(values[0] ?? '', family);
  if (ranges === undefined) return UNKNOWN;
  if (name === '--src-range') return { kind: 'ranges', field: 'sources', ranges, negated };
  return name === '--dst-range' ? { kind: 'ranges', field: 'destinations', ranges, negated } : UNKNOWN;
}

function typeCondition({ name, values, negated }: RuleOption, { isForOthers }: NewConnection): Condition {
  const types = (values[0] ?? '').split(',');
  if (name === '--src-type') {
    // A source from outside is neither an address of this host nor a group address.
    return types.includes('UNICAST') ? known(!negated) : known(negated);
  }
  if (name === '--dst-type') return known(types.includes(isForOthers ? 'UNICAST' : 'LOCAL') !== negated);
  return CHOICE; // --limit-iface-in and -out restrict the option before them
}

/** Judges `recent`: sources on its list are few. */
function recentConditions(options: readonly RuleOption[]): readonly Condition[] {
  const asked = options.find(({ name }) => ['--rcheck', '--update', '--remove'].includes(name));
  if (asked === undefined) return [ALWAYS]; // --set is always true
  const list = options.find(({ name }) => name === '--name')?.values[0] ?? 'DEFAULT';
  return [few(`those on the recent list ${list}`, asked.negated)];
}

function policyConditions(options: readonly RuleOption[]): readonly Condition[] {
  const policy = options.find(({ name }) => name === '--pol');
  if (policy === undefined) return [UNKNOWN];
  const isTunnel = (policy.values[0] === 'ipsec') !== policy.negated;
  return [few('peers of IPsec', !isTunnel)];
}

function isAmong(text: string, port: number): boolean {
  return portRanges(text).some(({ first, last }) => first <= BigInt(port) && BigInt(port) <= last);
}

/** Parses `22`, `20:25`, `:25` or a list of such, as iptables-save prints them. */
function portRanges(text: string): Ranges {
  const ranges = text.split(',').map((item): Ranges => {
    const [first = '', last = first] = item.split(':');
    return [{ first: BigInt(Number(first) || 0), last: BigInt(last === '' ? 65_535 : Number(last) || 0) }];
  });
  return ranges.reduce(union, []);
}

import { FAMILIES, type Family, type Network, parseKernelNetwork } from '../../base/address.js';
import { EXIT, KnockError } from '../../base/errors.js';
import { SET_LISTS, type SetList } from '../../base/lists.js';
import { aliveSet, setName, trialLabel, trialSet } from '../model/names.js';

/** Lines for ipset, and what its answers mean. Pure. */

/**
 * Bound of a list. Full means refuse and report: these sets never evict (docs/decisions/0003-kernel-is-the-truth.md). A
 * million IPv4 entries with a time-out and a comment take some 60 MB of kernel memory.
 */
const MAX_ENTRIES = 1_048_576;

/**
 * What rules add never makes a set grow: while nothing of ours runs, so many buckets (of 12) have to do. 128 kB a set.
 * With the kernel's 1,024, of 2,000 knocks in a row the last ones were refused (bench/under-flood.ts).
 */
const BUCKETS = 16_384;

/**
 * Bound of the list of those whom doors ban, which strangers fill with forged sources: twice what its buckets
 * have places for. So packets meet the buckets' bound (196,608) and never this one, at which the kernel would look through a thousand buckets for
 * each of them (docs/decisions/0013-forged-packets.md). Full, it takes some 12 MB of kernel memory in IPv4, 17 in IPv6.
 */
const MAX_DECOYED = 24 * BUCKETS;

/** More than so many we put into that list neither ourselves nor from a file, for what we add makes a set grow. */
export const DECOYED_ROOM = 4 * BUCKETS;

/** A set that a service needs, with the words that create it. */
export interface SetSpec {
  readonly name: string;
  /** All after `create NAME`. Constant for each kind, so that a set left by an earlier run is the same set. */
  readonly create: string;
}

/**
 * The sets of a service, for both families whatever the settings say: that an address family is
 * off must not decide whether a rule that names a set can be loaded.
 */
export function serviceSets(service: string): SetSpec[] {
  const lists = FAMILIES.flatMap((family) => SET_LISTS.map((list) => listSpec(service, list, family)));
  // All ports, so that other ports after a reload need no other set; every feed gives its own time-out.
  return [...lists, { name: aliveSet(service), create: 'bitmap:port range 0-65535 timeout 30' }];
}

/** The sets that a service needs besides while new rules are on trial: the timer, and the trusted of the new version. */
export function trialSets(service: string): SetSpec[] {
  return [
    { name: trialSet(service), create: 'bitmap:port range 0-65535 timeout 0' },
    ...FAMILIES.map((family) => listSpec(trialLabel(service), 'trusted', family)),
  ];
}

function listSpec(service: string, list: SetList, family: Family): SetSpec {
  return {
    name: setName(service, list, family),
    create: `hash:net family ${family === 4 ? 'inet' : 'inet6'} hashsize ${BUCKETS} maxelem ${maxEntries(list)} timeout 0 comment`,
  };
}

/** How many entries a list takes; one more is refused. */
function maxEntries(list: SetList): number {
  return list === 'decoyed' ? MAX_DECOYED : MAX_ENTRIES;
}

/** How many entries are put back into a set that is made by these words. */
export function roomOf(create: string): number {
  const most = Number(/ maxelem (\d+)/.exec(create)?.[1] ?? MAX_ENTRIES);
  return most === MAX_DECOYED ? DECOYED_ROOM : most;
}

/** One address or network in a list. */
export interface Entry {
  readonly network: Network;
  /** Seconds left; 0: for ever. */
  readonly timeoutS: number;
  /** Who put it there: `cli`, `door NAME`, `file`, `file HOST`; empty where the kernel does not know. */
  readonly origin: string;
}

/** The lines that put entries into a set, or renew those that are in. */
export function addLines(set: string, entries: readonly Entry[]): string[] {
  const comments = new Map<string, string>(); // of few origins, and dear
  return entries.map(({ network, timeoutS, origin }) => {
    const comment = comments.get(origin) ?? commentOf(origin);
    comments.set(origin, comment);
    return `add ${set} ${network.text} timeout ${timeoutS}${comment}`;
  });
}

/** ipset takes no empty comment. */
function commentOf(origin: string): string {
  return origin === '' ? '' : ` comment "${safeComment(origin)}"`;
}

export function delLine(set: string, network: Network): string {
  return `del ${set} ${network.text}`;
}

/** The entries in the output of `ipset save SET`. Lines that are not entries are passed over. */
export function parseEntries(saved: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of saved.split('\n')) {
    const match = /^add \S+ (\S+)(?: timeout (\d+))?(?:.*? comment "([^"]*)")?/.exec(line);
    const network = match?.[1] === undefined ? undefined : parseKernelNetwork(match[1]);
    if (match === null || network?.ok !== true) continue;
    entries.push({ network: network.value, timeoutS: Number(match[2] ?? 0), origin: match[3] ?? '' });
  }
  return entries;
}

/** Seconds left of a port in the output of `ipset save` of a set of ports, 0 being for ever; undefined where it is not in. */
export function portLeft(saved: string, port: number): number | undefined {
  const match = new RegExp(`^add \\S+ ${port} timeout (\\d+)`, 'm').exec(saved);
  return match === null ? undefined : Number(match[1]);
}

/** The header of a set as `ipset list -t` prints it, by name. */
export interface SetHeader {
  readonly type: string;
  readonly header: string;
  readonly references: number;
  readonly entries: number;
}

const FIELD = /^([A-Z][^:\n]*): (.*)$/gm;

/** The sets in the output of `ipset list -t`. */
export function parseHeaders(listed: string): Map<string, SetHeader> {
  const headers = new Map<string, SetHeader>();
  for (const block of listed.split('\n\n')) {
    const fields = new Map([...block.matchAll(FIELD)].map(([, name = '', value = '']) => [name, value]));
    const name = fields.get('Name');
    if (name === undefined) continue;
    headers.set(name, {
      type: fields.get('Type') ?? '',
      header: fields.get('Header') ?? '',
      references: Number(fields.get('References')),
      entries: Number(fields.get('Number of entries')),
    });
  }
  return headers;
}

/** True for an output of `ipset list -t` that has not been cut off: each set's last field is there. */
export function isWholeList(listed: string): boolean {
  const blocks = listed.split('\n\n').filter((block) => block.trim() !== '');
  return (
    (listed === '' || listed.endsWith('\n')) &&
    blocks.every((block) => /^Number of entries: \d+$/m.test(block))
  );
}

/** True for an output of `ipset save SET` that has not been cut off at its beginning, or within a line. */
export function isWholeDump(set: string, saved: string): boolean {
  return saved.startsWith(`create ${set} `) && saved.endsWith('\n');
}

/** True where an existing set is what we would create: same kind, same bounds, same extensions. It may have grown. */
export function isSameKind(spec: SetSpec, existing: SetHeader): boolean {
  const [type, ...wanted] = spec.create.split(' ');
  const have = ` ${existing.header} `;
  const pairs: string[] = [];
  for (let index = 0; index < wanted.length; index += 2) {
    if (wanted[index] !== 'hashsize') pairs.push(wanted.slice(index, index + 2).join(' '));
  }
  return type === existing.type && pairs.every((pair) => have.includes(` ${pair} `));
}

/** The sets that hold a list of a service, one for each family. */
export function listSets(
  service: string,
  list: SetList,
): { readonly set: string; readonly family: Family }[] {
  return FAMILIES.map((family) => ({ set: setName(service, list, family), family }));
}

/**
 * A comment that ipset takes and that cannot be mistaken for anything else: no quotes, no control
 * characters, nothing like the prompt of its interactive mode; at most 200 characters.
 */
export function safeComment(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]|["\\<>]/g, '_').slice(0, 200);
}

/** What is wrong with sets, among those of the kernel. */
export function setFaults(specs: readonly SetSpec[], existing: ReadonlyMap<string, SetHeader>): string[] {
  return specs.flatMap((spec) => {
    const header = existing.get(spec.name);
    if (header === undefined) return [`set ${spec.name} is missing`];
    return isSameKind(spec, header)
      ? []
      : [`set ${spec.name} is of another kind: ${header.type} ${header.header}`];
  });
}

/** The line that makes room for a set of our kind, or why there can be none. */
export function replaceable(spec: SetSpec, header: SetHeader): string {
  if (header.references === 0) return `destroy ${spec.name}`;
  throw new KnockError(
    `set ${spec.name} exists, is of another kind (${header.type} ${header.header}), and is in use`,
    {
      exitCode: EXIT.firewall,
      hint: 'take the rules that name it out of the firewall (knockctl stop, or whoever made it), then start again',
    },
  );
}

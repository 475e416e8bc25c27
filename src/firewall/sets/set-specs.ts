import { FAMILIES, type Family, type Network, parseKernelNetwork } from '../../base/address.js';
import { EXIT, KnockError } from '../../base/errors.js';
import { SET_LISTS, type SetList } from '../../base/lists.js';
import { aliveSet, setName, trialLabel, trialSet } from '../model/names.js';

/** Builds lines for ipset, and parses its output. Pure. */

/**
 * The maximum size of a list. A full list refuses additions and reports it; it never evicts
 * (docs/decisions/0007-kernel-doors.md). A million IPv4 entries with a timeout and a comment take some 60 MB of kernel
 * memory.
 */
const MAX_ENTRIES = 1_048_576;

/**
 * Additions by rules never make a set grow: without a running supervisor, this many buckets (of 12) have to do. 128 kB
 * a set. With the kernel's default of 1,024, the last ones of 2,000 knocks in a row were refused
 * (bench/under-flood.ts).
 */
const BUCKETS = 16_384;

/**
 * The maximum size of the list of sources that doors ban, which unknown clients can fill with forged sources: twice the
 * capacity of its buckets. So packets reach the buckets' limit (196,608) and never this one, at which the kernel would
 * search a thousand buckets for each packet (docs/decisions/0013-forged-packets.md). Full, the list takes some 12 MB of
 * kernel memory in IPv4, 17 in IPv6.
 */
const MAX_DECOYED = 24 * BUCKETS;

/** The limit for additions to that list by knockctl, at run time or from a file: its additions make a set grow. */
export const DECOYED_CAPACITY = 4 * BUCKETS;

/** A set that a service needs, and how to create it. */
export interface SetSpec {
  readonly name: string;
  /** All after `create NAME`. Constant for each kind, so that a set of an earlier run is recognised. */
  readonly create: string;
}

/**
 * Returns the sets of a service, for both families whatever the settings say: a rule that references a set must load
 * even if its family is disabled.
 */
export function serviceSets(service: string): SetSpec[] {
  const lists = FAMILIES.flatMap((family) => SET_LISTS.map((list) => listSpec(service, list, family)));
  // All ports, so that other ports after a reload need no other set; every feed sets its own timeout.
  return [...lists, { name: aliveSet(service), create: 'bitmap:port range 0-65535 timeout 30' }];
}

/** Returns the additional sets of a service during a trial: the timer, and the trusted set of the new version. */
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

/** Returns the maximum size of a list; one more entry is refused. */
function maxEntries(list: SetList): number {
  return list === 'decoyed' ? MAX_DECOYED : MAX_ENTRIES;
}

/** Returns how many entries may be restored into a set created with these words. */
export function capacityOf(create: string): number {
  const most = Number(/ maxelem (\d+)/.exec(create)?.[1] ?? MAX_ENTRIES);
  return most === MAX_DECOYED ? DECOYED_CAPACITY : most;
}

/** One address or network in a list. */
export interface Entry {
  readonly network: Network;
  /** Seconds left; 0: permanent. */
  readonly timeoutS: number;
  /** The origin: `cli`, `door NAME`, `file`, `file HOST`; empty if the kernel does not know it. */
  readonly origin: string;
}

/** Returns the lines that add entries to a set, or renew existing ones. */
export function addLines(set: string, entries: readonly Entry[]): string[] {
  const comments = new Map<string, string>(); // origins are few, and building a comment is slow
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

/** Parses the entries of `ipset save SET`; other lines are ignored. */
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

/** Returns the seconds left of a port in a saved port set, 0 = permanent; undefined if it is not in the set. */
export function portSecondsLeft(saved: string, port: number): number | undefined {
  const match = new RegExp(`^add \\S+ ${port} timeout (\\d+)`, 'm').exec(saved);
  return match === null ? undefined : Number(match[1]);
}

/** The header of a set, as `ipset list -t` prints it. */
export interface SetHeader {
  readonly type: string;
  readonly header: string;
  readonly references: number;
  readonly entries: number;
}

const FIELD = /^([A-Z][^:\n]*): (.*)$/gm;

/** Parses the output of `ipset list -t`: the sets by name. */
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

/** True for a complete output of `ipset list -t`: each set's last field is present. */
export function isWholeList(listed: string): boolean {
  const blocks = listed.split('\n\n').filter((block) => block.trim() !== '');
  return (
    (listed === '' || listed.endsWith('\n')) &&
    blocks.every((block) => /^Number of entries: \d+$/m.test(block))
  );
}

/** True for an output of `ipset save SET` that is not truncated at its beginning or within a line. */
export function isWholeDump(set: string, saved: string): boolean {
  return saved.startsWith(`create ${set} `) && saved.endsWith('\n');
}

/** True if an existing set is of the desired kind: same type, limits and extensions. It may have grown. */
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
 * Makes a comment safe for ipset: no quotes, no control characters, nothing like the prompt of its interactive mode; at
 * most 200 characters.
 */
export function safeComment(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]|["\\<>]/g, '_').slice(0, 200);
}

/** Describes which sets are missing or of another kind. */
export function setFaults(specs: readonly SetSpec[], existing: ReadonlyMap<string, SetHeader>): string[] {
  return specs.flatMap((spec) => {
    const header = existing.get(spec.name);
    if (header === undefined) return [`set ${spec.name} is missing`];
    return isSameKind(spec, header)
      ? []
      : [`set ${spec.name} is of another kind: ${header.type} ${header.header}`];
  });
}

/** Returns the line that destroys a set of another kind. Throws KnockError if it is in use. */
export function destroyLine(spec: SetSpec, header: SetHeader): string {
  if (header.references === 0) return `destroy ${spec.name}`;
  throw new KnockError(
    `set ${spec.name} exists, is of another kind (${header.type} ${header.header}), and is in use`,
    {
      exitCode: EXIT.firewall,
      hint: 'remove the rules that reference it (knockctl stop, or the program that made them), then start again',
    },
  );
}

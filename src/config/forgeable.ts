import { TCP_FLAGS, type FlagFilter, type Step } from '../knock/door.js';
import type { Config, DoorSettings } from './settings.js';

/** What lets others than a knocker make a door count, or makes the harm of a forged packet last. Pure. */

/** The ports that Linux gives to our own connections: the answers to these come to them. */
interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Where the kernel tells it. */
export const PORT_RANGE_FILE = '/proc/sys/net/ipv4/ip_local_port_range';

/** Reads that file; undefined where it is none. */
export function parsePortRange(text: string | undefined): PortRange | undefined {
  const match = /^(\d{1,5})\s+(\d{1,5})\s*$/.exec(text ?? '');
  return match === null ? undefined : { first: Number(match[1]), last: Number(match[2]) };
}

/** Remarks on all doors of a configuration, each as `file:line: text`; what all of one kind have in common in one. */
export function forgeableWarnings(
  { doors, settings }: Pick<Config, 'doors' | 'settings'>,
  range: PortRange | undefined,
): string[] {
  const found = doors.flatMap((door) =>
    forgeableRemarks(door, range).map((text) => ({ line: door.line, text })),
  );
  const alone = found.filter(({ text }) => text.includes(SYN_ALONE));
  const [first] = alone;
  const names = alone.map(({ text }) => text.slice('door '.length, text.indexOf(': ')));
  const together =
    first === undefined || alone.length === 1
      ? alone
      : [{ line: first.line, text: `doors ${names.join(', ')}: ${SYN_ALONE}` }];
  return [...together, ...found.filter((one) => !alone.includes(one))].map(
    ({ line, text }) => `${settings.paths.doors}:${line}: ${text}`,
  );
}

const SYN_ALONE =
  'with tcpflags = syn a SYN-ACK counts too, which anybody can have servers elsewhere send: write tcpflags = syn,!ack';

/** Remarks on a door, each without its place. */
export function forgeableRemarks(
  { door: { name, flags, sequence }, actions }: DoorSettings,
  range: PortRange | undefined,
): string[] {
  const hasTcp = sequence.some(({ protocol }) => protocol === 'tcp');
  const isSynAlone = hasTcp && asks(flags, TCP_FLAGS.syn, true) && !asks(flags, TCP_FLAGS.ack, false);
  const bansForEver = Object.values(actions).some(
    ({ start }) => start?.kind === 'verb' && start.verb === 'drop' && start.timeoutS === 0,
  );
  return [
    ...(isSynAlone ? [`door ${name}: ${SYN_ALONE}`] : []),
    ...rangeRemarks(name, sequence, flags, range),
    ...(bansForEver
      ? [
          `door ${name}: --timeout 0 bans for ever, by packets that can be forged: without it a ban ends after decoy_timeout`,
        ]
      : []),
  ];
}

function rangeRemarks(
  name: string,
  sequence: readonly Step[],
  flags: FlagFilter,
  range: PortRange | undefined,
): string[] {
  if (range === undefined) return [];
  // No answer is a SYN without ACK.
  const noAnswers = asks(flags, TCP_FLAGS.ack, false) && asks(flags, TCP_FLAGS.syn, true);
  const ports = sequence.filter(
    ({ protocol, port }) => port >= range.first && port <= range.last && (protocol === 'udp' || !noAnswers),
  );
  const texts = [...new Set(ports.map(({ port }) => port))].join(', ');
  if (texts === '') return [];
  return [
    `door ${name}: from ${range.first} to ${range.last} (ip_local_port_range) are ports of our own connections, whose answers would count: take others than ${texts}`,
  ];
}

/** True where the filter asks for a flag to be set, or not to be. */
function asks({ mask, value }: FlagFilter, flag: number, set: boolean): boolean {
  return (mask & flag) !== 0 && ((value & flag) !== 0) === set;
}

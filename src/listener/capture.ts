import { createRequire } from 'node:module';

import type cap from 'cap';

import { errorText, EXIT, KnockError } from '../base/errors.js';
import { readIfExists } from '../system/files.js';

import type { LinkType } from '../knock/packet.js';

/** An open capture. */
interface Capture {
  readonly name: string;
  close(): void;
}

/**
 * Receives one packet; `buffer` is overwritten by the next one. `wireLength` exceeds `length` if the snap length has
 * truncated the packet.
 */
type PacketHandler = (buffer: Buffer, length: number, linkType: LinkType, wireLength: number) => void;

/** Parameters of a capture. */
interface CaptureOptions {
  /** Capacity of the ring, in packets. */
  readonly capacity: number;
  /**
   * How often the ring is read: a fixed interval, so that the process's wake-ups do not reveal when a packet arrives.
   */
  readonly pollMs: number;
  /** The capture has failed because its interface went down or disappeared. It stays open, and silent. */
  readonly onError: (reason: string) => void;
}

/**
 * Captured bytes of a packet: its headers, with 400 bytes of extension headers, and a self-knock. Of the rest, the
 * decoder only needs the length.
 */
const SNAP_LENGTH = 512;
/**
 * Bytes of the kernel's ring that a packet takes: TPACKET2_HDRLEN (52), a link header and alignment, in blocks of a
 * page, 6 to a block.
 */
const FRAME = 683;

/** cap's names of the supported link types. */
const LINK_TYPES: Readonly<Record<string, LinkType>> = {
  ETHERNET: 'ethernet',
  LINKTYPE_LINUX_SLL: 'sll',
  LINKTYPE_LINUX_SLL2: 'sll2',
  RAW: 'raw',
};

/**
 * Opens a capture of incoming packets on an interface, or on `any`. A pcap filter depends on the link type, which is
 * known only once the capture is open: it is guessed, and the capture is reopened if the guess was wrong. The filter of
 * an open capture is locked. Throws Error if the interface or the permission (CAP_NET_RAW) is missing, or the module is
 * not patched (init/patch-cap.mjs).
 */
export function openCapture(
  name: string,
  filter: (linkType: LinkType) => string,
  onPacket: PacketHandler,
  options: CaptureOptions,
): Capture {
  // cap omits packets that this host sends, but not before Linux 4.20. Only a cooked header shows the direction to
  // libpcap itself, which filters the first packet of a capture: with `inbound` on Ethernet that packet was lost.
  const incoming = (linkType: LinkType): string =>
    linkType === 'sll' || linkType === 'sll2' ? `inbound and (${filter(linkType)})` : filter(linkType);
  const guess = guessLinkType(name);
  const first = open(name, incoming(guess), onPacket, options);
  if (first.linkType === guess) return first;
  first.close();
  return open(name, incoming(first.linkType), onPacket, options);
}

interface OpenCapture extends Capture {
  readonly linkType: LinkType;
}

function open(
  name: string,
  filter: string,
  onPacket: PacketHandler,
  { capacity, pollMs, onError }: CaptureOptions,
): OpenCapture {
  const capture = new (captureModule().Cap)();
  const buffer = Buffer.alloc(SNAP_LENGTH); // held by the closure below as long as the capture is open
  const kind = capture.open(name, filter, capacity * FRAME, buffer, SNAP_LENGTH, pollMs);
  const linkType = LINK_TYPES[kind];
  if (linkType === undefined) {
    capture.close();
    throw new Error(`${name} has a link layer that is not supported (${kind})`);
  }
  capture.on('packet', (length: number, _truncated: boolean, wireLength: number) => {
    onPacket(buffer, length, linkType, wireLength);
  });
  capture.on('error', onError);
  return {
    name,
    linkType,
    close: () => {
      capture.close();
    },
  };
}

const REBUILD = 'npm rebuild --global knockctl cap; in a clone: rm -r node_modules && npm ci';

/**
 * The package cap, loaded at its first use: one that is missing, or was compiled for another Node.js, ends in words that can be reported.
 * Throws KnockError.
 */
export function captureModule(): typeof cap {
  let module: typeof cap;
  try {
    module = createRequire(import.meta.url)('cap') as typeof cap;
  } catch (error) {
    throw new KnockError(moduleReason(errorText(error)), { exitCode: EXIT.firewall, hint: REBUILD });
  }
  if (module.Cap.isQuiet === true) return module;
  throw new KnockError('its module (cap) is not patched', { exitCode: EXIT.firewall, hint: REBUILD });
}

/** Node's own words go over several lines; for another Node the two numbers are what matters. */
function moduleReason(text: string): string {
  const [built, here] = [...text.matchAll(/NODE_MODULE_VERSION (\d+)/g)].map(([, number]) => number);
  if (built !== undefined && here !== undefined)
    return `its module was built for another Node.js (module version ${built}, this one has ${here})`;
  return `its module cannot be loaded: ${text.split('\n')[0] ?? ''}`;
}

/** Guesses by the interface's hardware type (ARPHRD_*, linux/if_arp.h). */
function guessLinkType(name: string): LinkType {
  if (name === 'any') return 'sll2';
  const type = Number(readIfExists(`/sys/class/net/${name}/type`) ?? 0);
  return type === 1 || type === 772 ? 'ethernet' : 'raw';
}

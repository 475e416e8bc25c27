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

/** Takes one packet; `buffer` is overwritten by the next one. `wireLength`: more than `length` where the snap length has cut it. */
type PacketHandler = (buffer: Buffer, length: number, linkType: LinkType, wireLength: number) => void;

/** How a capture is held. */
interface CaptureManner {
  /** Room for so many packets until they are read. */
  readonly room: number;
  /** They are read so often: a fixed rhythm, so that nobody can tell by the waking of this process that one has come. */
  readonly pollMs: number;
  /** The capture can hear no more: its interface went down or away. It stays open, and silent. */
  readonly onError: (reason: string) => void;
}

/**
 * So much of a packet is captured: its headers, with 400 bytes of extension headers, and a self-knock. What the decoder needs to know
 * of the rest is how long it was.
 */
const SNAP_LENGTH = 512;
/** What one takes of the kernel's ring: TPACKET2_HDRLEN (52), a link header, and alignment besides, in blocks of a page: 6 in one. */
const FRAME = 683;

/** What cap calls the link types that we read. */
const LINK_TYPES: Readonly<Record<string, LinkType>> = {
  ETHERNET: 'ethernet',
  LINKTYPE_LINUX_SLL: 'sll',
  LINKTYPE_LINUX_SLL2: 'sll2',
  RAW: 'raw',
};

/**
 * Opens a capture on an interface, or on `any`: of what comes in, not of what this host sends. A pcap filter depends on the link type, which is
 * known only when the capture is open: it is guessed, and the capture opened again where the guess
 * was wrong. Nobody can change the filter of an open capture. Throws Error where the interface or the permission (CAP_NET_RAW) is missing, or
 * the module was not patched (init/patch-cap.mjs).
 */
export function openCapture(
  name: string,
  filter: (linkType: LinkType) => string,
  onPacket: PacketHandler,
  manner: CaptureManner,
): Capture {
  // What this host sends cap leaves out; before Linux 4.20 it cannot. Only a cooked header tells it to libpcap itself, which filters
  // the first packet of a capture: with `inbound` on Ethernet that one was lost.
  const incoming = (linkType: LinkType): string =>
    linkType === 'sll' || linkType === 'sll2' ? `inbound and (${filter(linkType)})` : filter(linkType);
  const guess = guessLinkType(name);
  const first = open(name, incoming(guess), onPacket, manner);
  if (first.linkType === guess) return first;
  first.close();
  return open(name, incoming(first.linkType), onPacket, manner);
}

interface OpenCapture extends Capture {
  readonly linkType: LinkType;
}

function open(
  name: string,
  filter: string,
  onPacket: PacketHandler,
  { room, pollMs, onError }: CaptureManner,
): OpenCapture {
  const capture = new (captureModule().Cap)();
  const buffer = Buffer.alloc(SNAP_LENGTH); // held by the closure below as long as the capture lives
  const kind = capture.open(name, filter, room * FRAME, buffer, SNAP_LENGTH, pollMs);
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

/** By the hardware type (ARPHRD_*, linux/if_arp.h) that the kernel tells of the interface. */
function guessLinkType(name: string): LinkType {
  if (name === 'any') return 'sll2';
  const type = Number(readIfExists(`/sys/class/net/${name}/type`) ?? 0);
  return type === 1 || type === 772 ? 'ethernet' : 'raw';
}

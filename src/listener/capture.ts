import { readIfExists } from '../system/files.js';

import cap from 'cap';

import type { LinkType } from '../knock/packet.js';

/** An open capture. */
export interface Capture {
  readonly name: string;
  close(): void;
}

/** Takes one packet; `buffer` is overwritten by the next one. */
export type PacketHandler = (buffer: Buffer, length: number, linkType: LinkType) => void;

/**
 * cap asks for whole packets, so that one takes this of the kernel's ring, whatever its size; and the ring's blocks are powers
 * of two, a little too small for two of them: 128 kB of resident memory for each packet that there is room for (measured).
 */
const MAX_PACKET = 65_535;

/** What cap calls the link types that we read. */
const LINK_TYPES: Readonly<Record<string, LinkType>> = {
  ETHERNET: 'ethernet',
  LINKTYPE_LINUX_SLL: 'sll',
  RAW: 'raw',
};

/**
 * Opens a capture on an interface, or on `any`. A pcap filter depends on the link type, which is
 * known only when the capture is open: it is guessed, and the capture opened again where the guess
 * was wrong. `room`: for so many packets. Throws Error where the interface or the permission (CAP_NET_RAW) is missing.
 */
export function openCapture(
  name: string,
  filter: (linkType: LinkType) => string,
  onPacket: PacketHandler,
  room: number,
): Capture {
  const guess = guessLinkType(name);
  const first = open(name, filter(guess), onPacket, room);
  if (first.linkType === guess) return first;
  first.close();
  return open(name, filter(first.linkType), onPacket, room);
}

interface OpenCapture extends Capture {
  readonly linkType: LinkType;
}

function open(name: string, filter: string, onPacket: PacketHandler, room: number): OpenCapture {
  const capture = new cap.Cap();
  const buffer = Buffer.alloc(MAX_PACKET); // held by the closure below as long as the capture lives
  const kind = capture.open(name, filter, room * (MAX_PACKET + 1), buffer);
  const linkType = LINK_TYPES[kind];
  if (linkType === undefined) {
    capture.close();
    throw new Error(`${name} has a link layer that is not supported (${kind})`);
  }
  capture.setMinBytes?.(0);
  capture.on('packet', (length: number) => {
    onPacket(buffer, length, linkType);
  });
  return {
    name,
    linkType,
    close: () => {
      capture.close();
    },
  };
}

/** By the hardware type (ARPHRD_*, linux/if_arp.h) that the kernel tells of the interface. */
function guessLinkType(name: string): LinkType {
  if (name === 'any') return 'sll';
  const type = Number(readIfExists(`/sys/class/net/${name}/type`) ?? 0);
  return type === 1 || type === 772 ? 'ethernet' : 'raw';
}

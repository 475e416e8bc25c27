import { TCP_FLAGS } from '../../src/knock/door.js';
import type { Item } from './sender.js';

/** The sources that words may name. */
export const SOURCES = { a: '198.18.0.1', b: '198.18.0.2', six: '2001:db8::1' } as const;

type SourceName = keyof typeof SOURCES;

/**
 * Packets from words between blanks: `7000`, `8000:udp`, `b.7000` from source b rather than a, `7000/SA` with other
 * flags than SYN (their first letters; `-` for none), `wait500` for a pause of 500 ms.
 */
export function packets(text: string): Item[] {
  return text.split(' ').map(packet);
}

function packet(word: string): Item {
  const waitMs = /^wait(\d+)$/.exec(word)?.[1];
  if (waitMs !== undefined) return { waitMs: Number(waitMs) };
  const parts = /^(?:(a|b|six)\.)?(\d+)(:udp)?(?:\/([FSRPAU]+|-))?$/.exec(word);
  if (parts === null) throw new Error(`not a packet: ${word}`);
  const [, name = 'a', port, udp, letters = 'S'] = parts;
  const bits = Object.entries(TCP_FLAGS).filter(([flag]) => letters.includes(flag.charAt(0).toUpperCase()));
  return {
    source: isSource(name) ? SOURCES[name] : SOURCES.a,
    protocol: udp === undefined ? 'tcp' : 'udp',
    destinationPort: Number(port),
    flags: bits.reduce((sum, [, bit]) => sum | bit, 0),
  };
}

function isSource(name: string): name is SourceName {
  return name in SOURCES;
}

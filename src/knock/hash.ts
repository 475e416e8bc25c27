import type { AddressWords } from './packet.js';

/** 64 random bits as two 32-bit numbers. */
export type HashKey = readonly [number, number];

/** One round for each of the four words, one for their number, and three to finish. */
const ROUNDS = 8;

/**
 * Returns a keyed hash of an address, 32 bits, signed: the construction of HalfSipHash-1-3 (Aumasson and Bernstein),
 * which Linux uses for its own tables. Without the key, an attacker cannot choose forged sources that collide.
 */
export function hashAddress(address: AddressWords, key: HashKey): number {
  let v0 = key[0] | 0;
  let v1 = key[1] | 0;
  let v2 = v0 ^ 0x6c796765;
  let v3 = v1 ^ 0x74656462;
  for (let round = 0; round < ROUNDS; round++) {
    const word = messageWord(address, round);
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
    if (round === 4) v2 ^= 0xff;
  }
  return v1 ^ v3;
}

function messageWord(address: AddressWords, round: number): number {
  switch (round) {
    case 0:
      return address.w0;
    case 1:
      return address.w1;
    case 2:
      return address.w2;
    case 3:
      return address.w3;
    case 4:
      return 16 << 24;
    default:
      return 0;
  }
}

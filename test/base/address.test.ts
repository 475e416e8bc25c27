import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { addressBytes, contains, parseNetwork, type Network } from '../../src/base/address.js';

/** The slow model: an address is a number of 32 or 128 bits. */
interface Block {
  readonly bits: 32 | 128;
  readonly value: bigint;
  readonly prefix: number;
}

const MAPPED = 0xffffn << 32n;

function first({ bits, value, prefix }: Block): bigint {
  const host = BigInt(bits - prefix);
  return (value >> host) << host;
}

function last(block: Block): bigint {
  return first(block) + (1n << BigInt(block.bits - block.prefix)) - 1n;
}

/** ::ffff:0:0/96 is IPv4; undefined for a network that is only partly in it. */
function unmapped(block: Block): Block | undefined {
  if (block.bits === 32 || block.value >> 32n !== 0xffffn) return block;
  if (block.prefix < 96) return undefined;
  return { bits: 32, value: block.value & 0xffffffffn, prefix: block.prefix - 96 };
}

/** Text by RFC 5952, from its words: the first longest run of two or more zero groups is shortened. */
function canonical(block: Block): string {
  const suffix = block.prefix === block.bits ? '' : `/${block.prefix}`;
  return (block.bits === 32 ? v4Text(first(block)) : v6Text(first(block))) + suffix;
}

function v4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
}

function groupsOf(value: bigint): string[] {
  return Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
}

function v6Text(value: bigint): string {
  const groups = groupsOf(value);
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (groups[at + length] === '0') length += 1;
    if (length > best.length) best = { at, length };
  }
  if (best.at === -1) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}

const v4 = fc.record({
  bits: fc.constant(32 as const),
  value: fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }),
  prefix: fc.integer({ min: 0, max: 32 }),
});
const group = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0n) },
  { weight: 3, arbitrary: fc.bigInt({ min: 0n, max: 0xffffn }) },
);
const v6Value = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(group, { minLength: 8, maxLength: 8 })
      .map((groups) => groups.reduce((value, part) => (value << 16n) | part, 0n)),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 0xffffffffn }).map((value) => MAPPED | value) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 0xffffffffn }) },
);
const v6 = fc.record({
  bits: fc.constant(128 as const),
  value: v6Value,
  prefix: fc.integer({ min: 0, max: 128 }),
});
const block: fc.Arbitrary<Block> = fc.oneof(v4, v6);

/** One of the many ways to write an address down. */
function written({ bits, value, prefix }: Block, style: number, wholePrefix: boolean): string {
  const suffix = prefix === bits && !wholePrefix ? '' : `/${prefix}`;
  if (bits === 32) return v4Text(value) + suffix;
  const groups = groupsOf(value);
  const padded = groups.map((text) => text.padStart(4, '0'));
  const embedded = `${groups.slice(0, 6).join(':')}:${v4Text(value & 0xffffffffn)}`;
  const short = v6Text(value);
  const forms = [
    short,
    groups.join(':'),
    padded.join(':'),
    padded.join(':').toUpperCase(),
    embedded,
    short.toUpperCase(),
    value >> 32n === 0n ? `::${v4Text(value)}` : short,
  ];
  return (forms[style % forms.length] ?? short) + suffix;
}

function read(text: string): Network {
  const parsed = parseNetwork(text);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.reason);
  return parsed.value;
}

describe('addresses, against a model of whole numbers', () => {
  it('are normalised, however they are written', () => {
    fc.assert(
      fc.property(block, fc.nat(), fc.boolean(), (given, style, wholePrefix) => {
        const parsed = parseNetwork(written(given, style, wholePrefix));
        const expected = unmapped(given);
        if (expected === undefined) {
          assert.equal(parsed.ok, false);
          return;
        }
        assert.deepEqual(parsed, {
          ok: true,
          value: {
            family: expected.bits === 32 ? 4 : 6,
            prefix: expected.prefix,
            text: canonical(expected),
          },
        });
      }),
      { numRuns: 3000 },
    );
  });

  it('that are canonical read back as they are', () => {
    fc.assert(
      fc.property(block, (given) => {
        const plain = unmapped(given) ?? { ...given, prefix: 96 };
        const once = read(canonical(unmapped(plain) ?? plain));
        assert.deepEqual(read(once.text), once);
        assert.match(once.text, /^[0-9a-f.:/]+$/);
      }),
    );
  });

  it('overlap where a number is in both, and contain where all are', () => {
    // Near each other: two random blocks would hardly ever meet.
    const pair = fc.tuple(block, fc.nat(130), fc.nat(130)).map(([one, prefix, flip]) => {
      const other = {
        ...one,
        prefix: prefix % (one.bits + 1),
        value: one.value ^ (1n << BigInt(flip % one.bits)),
      };
      return [one, other] as const;
    });
    fc.assert(
      fc.property(fc.oneof(pair, fc.tuple(block, block)), ([one, other]) => {
        const [a, b] = [unmapped(one), unmapped(other)];
        if (a === undefined || b === undefined) return;
        const [left, right] = [read(canonical(a)), read(canonical(b))];
        const same = a.bits === b.bits;
        const meets = same && first(a) <= last(b) && first(b) <= last(a);
        const holds = same && first(a) <= first(b) && last(b) <= last(a);
        assert.equal(contains(left, right) || contains(right, left), meets);
        assert.equal(contains(left, right), holds);
      }),
      { numRuns: 3000 },
    );
  });

  it('give their bytes in network order', () => {
    fc.assert(
      fc.property(block, (given) => {
        const plain = unmapped(given);
        if (plain === undefined) return;
        const bytes = addressBytes(read(canonical(plain)));
        assert.equal(bytes.length, plain.bits / 8);
        assert.equal(
          bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n),
          first(plain),
        );
      }),
    );
  });

  it('take nothing but hex digits, dots, colons and one slash', () => {
    const noisy = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc
        .tuple(block, fc.nat(), fc.nat(45), fc.string({ minLength: 1, maxLength: 2, unit: 'binary' }))
        .map(([given, style, at, noise]) => {
          const text = written(given, style, true);
          return text.slice(0, at) + noise + text.slice(at);
        }),
    );
    fc.assert(
      fc.property(noisy, (text) => {
        const parsed = parseNetwork(text);
        if (parsed.ok) assert.match(text, /^[0-9A-Fa-f.:]+(?:\/[0-9]{1,3})?$/);
        else assert.doesNotMatch(parsed.reason, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
      }),
      { numRuns: 3000 },
    );
  });
});

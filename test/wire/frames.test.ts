import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { ProtocolError } from '../../src/base/errors.js';
import { frame, FrameReader } from '../../src/wire/frames.js';

/** Pushes the pieces; what came out, and the message of the error that ended it. */
function readAll(limit: number, pieces: readonly Buffer[]): { frames: unknown[]; error: string | undefined } {
  const frames: unknown[] = [];
  const reader = new FrameReader(limit, (message) => frames.push(message));
  try {
    for (const piece of pieces) reader.push(piece);
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    return { frames, error: error.message };
  }
  return { frames, error: undefined };
}

function splitAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

describe('the frame reader', () => {
  it('gives the same frames wherever the bytes are split', () => {
    const messages = fc.array(fc.jsonValue(), { maxLength: 6 });
    fc.assert(
      fc.property(messages, fc.array(fc.nat(), { maxLength: 12 }), (sent, places) => {
        const bytes = Buffer.from(sent.map(frame).join(''));
        const { frames, error } = readAll(1_000_000, splitAt(bytes, places));
        assert.equal(error, undefined);
        // By JSON: it does not know -0.
        assert.deepEqual(frames, JSON.parse(JSON.stringify(sent)));
      }),
    );
  });

  it('fails the same wherever hostile bytes are split', () => {
    const junk = fc.array(
      fc.oneof(
        fc.constantFrom('\n', '"', '{', '}', '1', 'é', '\u{1f600}').map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 3 }),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(junk, fc.array(fc.nat(), { maxLength: 12 }), (parts, places) => {
        const bytes = Buffer.concat(parts.map((part) => Buffer.from(part)));
        assert.deepEqual(readAll(10, splitAt(bytes, places)).frames, readAll(10, [bytes]).frames);
      }),
      { numRuns: 1000 },
    );
  });

  it('takes a line of the limit, and none of one byte more, counted in bytes', () => {
    const line = (letters: number): Buffer => Buffer.from(frame('é'.repeat(letters)));
    assert.deepEqual(readAll(22, [line(10)]), { frames: ['é'.repeat(10)], error: undefined });
    assert.deepEqual(readAll(21, [line(10)]), { frames: [], error: 'message longer than 21 bytes' });
  });

  it('holds its limit while the line is still coming, and keeps no more than that', () => {
    const reader = new FrameReader(2048, () => undefined);
    let pushed = 0;
    assert.throws(() => {
      for (;;) {
        reader.push(Buffer.alloc(100, 'x'));
        pushed += 100;
      }
    }, ProtocolError);
    assert.equal(pushed, 2000);
  });

  it('begins to count anew at each line', () => {
    const { frames, error } = readAll(10, [Buffer.from('"aaaaaaa"\n'.repeat(1000))]);
    assert.equal(error, undefined);
    assert.equal(frames.length, 1000);
  });

  it('passes on the good frames before a bad one, and stops there', () => {
    assert.deepEqual(readAll(100, [Buffer.from('1\n2\nx\n3\n')]), {
      frames: [1, 2],
      error: 'message is not JSON',
    });
  });

  for (const text of ['\n', ' \n', '{\n', '{}{}\n', '\ufeff{}\n', "{'a':1}\n", 'NaN\n', '[1,]\n', '{}\0\n']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(readAll(100, [Buffer.from(text)]).error, 'message is not JSON');
    });
  }

  it('never lets bytes of one line into the next, nor a broken character pass for nothing', () => {
    const broken = Buffer.from([0x31, 0xc3, 0x0a]); // `1`, half a character, end of line
    assert.deepEqual(readAll(100, [broken]), { frames: [], error: 'message is not JSON' });
    const inString = Buffer.from([0x22, 0xff, 0x22, 0x0a]);
    assert.deepEqual(readAll(100, [inString]).frames, ['\ufffd']);
  });

  it('waits for the end of a line', () => {
    assert.deepEqual(readAll(100, [Buffer.from('{"a":1}')]), { frames: [], error: undefined });
  });

  it('a frame is one line, whatever it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(frame(value).indexOf('\n'), frame(value).length - 1);
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { findQuotes, quoteIfNeeded, quoteWord, splitWords } from '../../src/iptables-parser/words.js';

describe('quoteWord', () => {
  // Left what was given to iptables 1.8.9 as a comment, right what both back ends saved.
  const measured: readonly (readonly [string, string])[] = [
    ['plain', 'plain'],
    ['two words', '"two words"'],
    ['a"b', String.raw`"a\"b"`],
    [`a'b`, String.raw`"a\'b"`],
    [String.raw`a\b`, String.raw`"a\\b"`],
    ['a%b', '"a%b"'],
    ['a.b-c_d', '"a.b-c_d"'],
    ['a-b_c9', 'a-b_c9'],
    ['', '""'],
    ['--foo', '--foo'],
    ['#x', '"#x"'],
    ['!', '"!"'],
    ['é', '"é"'],
    ['tab\tx', '"tab\tx"'],
    ['a\nb', '"a\nb"'],
  ];
  for (const [text, saved] of measured) {
    it(`writes ${JSON.stringify(text)} as iptables-save does`, () => {
      assert.equal(quoteWord(text), saved);
    });
  }
});

describe('quoteIfNeeded', () => {
  it('leaves addresses and lists as they are', () => {
    for (const word of ['192.0.2.0/24', '2001:db8::/32', '22,80', 'eth+', '!', '-j', 'a%b']) {
      assert.equal(quoteIfNeeded(word), word);
    }
  });
});

describe('splitWords', () => {
  // Each measured by loading the line and saving it again.
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['  a \t b ', ['a', 'b']],
    ['"a b" c', ['a b', 'c']],
    ['""', ['']],
    ['a"b c" d', ['ab c', 'd']],
    ['--comment="b c"', ['--comment=b c']],
    ['"b"-j', ['b', '-j']],
    ['"b""c"', ['b', 'c']],
    [String.raw`a\b`, [String.raw`a\b`]],
    [String.raw`"a\nb\q"`, ['anbq']],
    [`'a b'`, [`'a`, `b'`]],
    ['"a\nb"', ['a\nb']],
    ['x\vy', ['x\vy']],
    ['a "b c', ['a', 'b c']],
  ];
  for (const [text, words] of cases) {
    it(`splits ${JSON.stringify(text)}`, () => {
      assert.deepEqual(splitWords(text), words);
    });
  }

  it('undoes both kinds of quoting, whatever the words', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.boolean())), (words) => {
        const line = words
          .map(([word, always]) => (always ? quoteWord(word) : quoteIfNeeded(word)))
          .join(' ');
        assert.equal(findQuotes(line).open, undefined);
        assert.deepEqual(
          splitWords(line),
          words.map(([word]) => word),
        );
      }),
    );
  });
});

describe('findQuotes', () => {
  it('gives the place of a quote that is never closed', () => {
    assert.deepEqual(findQuotes('"a" "b'), { spans: [{ start: 0, end: 2 }], open: 4 });
    assert.equal(findQuotes(String.raw`"a\"`).open, 0);
    assert.equal(findQuotes(String.raw`a\"b"`).open, undefined);
  });
});

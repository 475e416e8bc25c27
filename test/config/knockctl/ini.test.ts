import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';
import { parse } from 'ini';

import { formatFault } from '../../../src/base/errors.js';
import { parseIni } from '../../../src/config/knockctl/ini.js';

function value(raw: string): string | undefined {
  const { sections, faults } = parseIni(`[s]\nk = ${raw}\n`, 'f');
  return faults.length === 0 ? sections.get('s')?.entries.get('k')?.value : undefined;
}

function faults(text: string): readonly string[] {
  return parseIni(text, 'f').faults.map(formatFault);
}

describe('ini values', () => {
  const good: readonly (readonly [string, string])[] = [
    ['', ''],
    ['; a comment', ''],
    ['x ; a comment', 'x'],
    ['x # a comment', 'x'],
    ['a\\;b\\#c', 'a;b#c'],
    ['a\\b', 'a\\b'],
    ['*/10 * * * *', '*/10 * * * *'],
    ['"a ; b"', 'a ; b'],
    ['"a" ; b', 'a'],
    ['"a\\"b\\\\" # c', 'a"b\\'],
    ["'a ; b'", 'a ; b'],
    ['\'"x"\'', '"x"'],
    ['null', 'null'],
    ['true', 'true'],
    ["'null'", 'null'],
    ["'[1]'", '[1]'],
    ['a=b', 'a=b'],
  ];
  for (const [raw, decoded] of good) {
    it(`${raw === '' ? 'nothing' : raw} is ${JSON.stringify(decoded)}`, () => {
      assert.equal(value(raw), decoded);
    });
  }

  const bad: readonly (readonly [string, RegExp])[] = [
    ['a;b', /^f:2: k: "a;b": put it in quotes/],
    ['a#b', /^f:2: k: "a#b": put it in quotes/],
    ['"a', /^f:2: k: .* has no closing "/],
    ["'a", /^f:2: k: .* has no closing '/],
    ['"a" b', /^f:2: k: .*nothing but a comment/],
    ['"\\d"', /^f:2: k: .*write \\\\ for a backslash/],
    ['"a\\nb"', /^f:2: k: .*control character/],
    ['caf\uFFFD', /^f:2: .*not UTF-8/],
  ];
  for (const [raw, message] of bad) {
    it(`refuses ${raw}`, () => {
      const [fault = '', ...more] = faults(`[s]\nk = ${raw}\n`);
      assert.match(fault, message);
      assert.deepEqual(more, []);
    });
  }

  it('decodes as the package does what it writes without quotes or escapes', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9_./:*,-]+( [A-Za-z0-9_./:*,-]+){0,3}$/);
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z][a-z_]{0,9}$/), word, { maxKeys: 6 }), (pairs) => {
        const text = `[s]\n${Object.entries(pairs)
          .map(([key, raw]) => `${key} = ${raw} ; note`)
          .join('\n')}`;
        const { sections } = parseIni(text, 'f');
        const theirs: unknown = parse(text)['s'];
        for (const [key, entry] of sections.get('s')?.entries ?? []) {
          const expected: unknown = ['true', 'false', 'null'].includes(entry.value)
            ? JSON.parse(entry.value)
            : entry.value;
          assert.deepEqual(Reflect.get(Object(theirs), key), expected);
        }
        assert.equal(sections.get('s')?.entries.size, Object.keys(pairs).length);
      }),
    );
  });
});

describe('ini lines', () => {
  it('gives sections, keys and their lines; a byte order mark, CRLF and comments do not count', () => {
    const { sections, faults: found } = parseIni(
      '\uFEFF; c\r\n[a] ; c\r\n  k = 1\r\n# c\r\n\r\n[ b ]\r\nk=2',
      'f',
    );
    assert.deepEqual(found, []);
    assert.deepEqual(
      [...sections.values()].map((section) => [section.name, section.line, [...section.entries.values()]]),
      [
        ['a', 2, [{ key: 'k', value: '1', line: 3, hasComment: false }]],
        ['b', 6, [{ key: 'k', value: '2', line: 7, hasComment: false }]],
      ],
    );
  });

  const bad: readonly (readonly [string, string, RegExp])[] = [
    ['a duplicate key', '[a]\nk=1\nk=2', /^f:3: k stands twice in \[a\], first in line 2/],
    ['a duplicate section', '[a]\n[b]\n[a]', /^f:3: \[a\] stands twice, first in line 1/],
    ['a key twice in a section that stands once', '[a]\nk=1\n[b]\nk=1\nk=2', /^f:5: k stands twice in \[b\]/],
    ['a key before any section', 'k=1\n[a]', /^f:1: k stands before any section/],
    ['a line without =', '[a]\nhello', /^f:2: "hello" is not understood: write key = value/],
    ['a line without a key', '[a]\n= 1', /^f:2: "= 1" is not understood/],
    ['an open section line', '[a', /^f:1: "\[a" is not a section line/],
    ['an empty section line', '[]', /^f:1: "\[\]" is not a section line/],
    ['text behind a section line', '[a] b', /^f:1: "\[a\] b" is not a section line/],
    ['a NUL byte', '[a]\nk=1\0', /^f:2: there is a NUL byte/],
  ];
  for (const [what, text, message] of bad) {
    it(`refuses ${what}`, () => {
      const [fault = '', ...more] = faults(text);
      assert.match(fault, message);
      assert.deepEqual(more, []);
    });
  }

  it('says once that a section line is broken, not for each line behind it', () => {
    assert.equal(faults('[a\nk=1\nk=1\n[b]\nk=1').length, 1);
  });

  it('keeps names that objects have for themselves apart', () => {
    const { sections } = parseIni('[__proto__]\nconstructor=1\n__proto__=2\ntoString[]=3', 'f');
    assert.deepEqual(
      [...(sections.get('__proto__')?.entries.keys() ?? [])],
      ['constructor', '__proto__', 'toString[]'],
    );
    assert.equal(Reflect.get({}, 'constructor'), Object);
  });
});

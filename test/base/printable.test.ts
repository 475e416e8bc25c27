import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { asciiLine, oneLine, quietJson, terminalText } from '../../src/base/printable.js';

const NASTY = 'a\u001b]0;owned\u0007\u009b2J\r\u202eb';

describe('text of others', () => {
  it('is one line that does nothing', () => {
    assert.equal(oneLine(`${NASTY}\nc`), 'a?]0;owned??2J??b | c');
    assert.equal(oneLine('Zugriff verweigert – ü'), 'Zugriff verweigert – ü');
    assert.equal(asciiLine('caf\u00e9 \ud83d\ude00\u001b[1m'), 'caf? ???[1m');
  });

  it('keeps its lines on a terminal, and colours where there are some', () => {
    assert.equal(terminalText('\u001b[31mred\u001b[0m\tx\n', true), '\u001b[31mred\u001b[0m\tx\n');
    assert.equal(terminalText('\u001b[31mred\n', false), '?[31mred\n');
    assert.equal(terminalText('\u001b[2J\u001b[31;1m\u001b]0;x\u0007', true), '?[2J?[31;1m?]0;x?');
  });

  it('means the same in JSON, and stands there as escapes', () => {
    const quiet = quietJson(JSON.stringify({ text: NASTY }));
    assert.deepEqual(JSON.parse(quiet), { text: NASTY });
    assert.match(quiet, /^[\u0020-\u007e]*$/);
  });
});

import assert from 'node:assert/strict';
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { commentOutLines } from '../../src/system/comment-out.js';
import { TempFolder } from '../helpers/temp.js';

describe('marking lines', () => {
  it('overwrites their first byte in place, and nothing else', () => {
    using folder = new TempFolder();
    const file = folder.file('f');
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''))),
        fc.func(fc.boolean()),
        fc.boolean(),
        (rows, isChosen, hasMark) => {
          const content = (hasMark ? '\uFEFF' : '') + rows.join('\n');
          writeFileSync(file, content);
          const { ino } = statSync(file);
          const before = readFileSync(file);
          const offsets: number[] = [];
          commentOutLines(file, (lines) => {
            const chosen = lines.filter(({ number, text }) => {
              assert.equal(text, rows[number - 1]);
              return text !== '' && isChosen(number);
            });
            offsets.push(...chosen.map(({ offset }) => offset));
            return chosen;
          });
          const after = readFileSync(file);
          for (const offset of offsets) before[offset] = '#'.charCodeAt(0);
          assert.deepEqual(after, before);
          assert.equal(statSync(file).ino, ino);
        },
      ),
    );
  });

  it('is done again where the file was replaced meanwhile', () => {
    using folder = new TempFolder();
    const file = folder.file('f');
    writeFileSync(file, '7000\n');
    let times = 0;
    commentOutLines(file, (lines) => {
      if (++times === 1) {
        writeFileSync(folder.file('new'), 'first\n7000\n');
        renameSync(folder.file('new'), file);
      }
      return lines.filter(({ text }) => text === '7000');
    });
    assert.equal(readFileSync(file, 'utf8'), 'first\n#000\n');
  });

  it('throws where the file never holds still, or is not there', () => {
    using folder = new TempFolder();
    const file = folder.file('f');
    writeFileSync(file, '7000\n');
    assert.throws(() => {
      commentOutLines(file, () => {
        writeFileSync(folder.file('new'), '7000\n');
        renameSync(folder.file('new'), file);
        return [];
      });
    }, /is being replaced all the time/);
    assert.throws(() => {
      commentOutLines(folder.file('absent'), () => []);
    }, /ENOENT/);
  });
});

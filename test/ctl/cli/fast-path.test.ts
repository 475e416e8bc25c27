import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { plainCommand } from '../../../src/ctl/cli/fast-path.js';
import { run } from '../fixture.js';

const verb = fc.constantFrom('accept', 'drop', 'trust', 'untrust', 'flush');
const word = fc.oneof(
  fc.constantFrom(
    '1.2.3.4',
    '10.0.0.0/8',
    '::ffff:1.2.3.4',
    '2001:db8::/32',
    'home.example.org',
    'all',
    'filter',
  ),
  fc.constantFrom(
    '-',
    '--',
    '--force',
    '-t',
    '5',
    '--json',
    '-c',
    'x y',
    '',
    'a\nb',
    '#',
    'ä',
    '--file',
    'z'.repeat(400),
  ),
);

describe('a plain command', () => {
  it('is understood as commander understands it', async () => {
    await fc.assert(
      fc.asyncProperty(
        verb,
        fc.array(word, { maxLength: 4 }),
        fc.boolean(),
        async (name, words, hasSession) => {
          const session = hasSession ? '192.0.2.7' : undefined;
          const plain = plainCommand([name, ...words]);
          if (plain === undefined) return;
          const { asked } = await run([name, ...words], { session });
          assert.deepEqual(asked, [plain.request(session)]);
          assert.equal(plain.config, undefined);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('names a configuration before the verb, and has no other option', () => {
    assert.equal(plainCommand(['-c', 'x.conf', 'accept', '1.2.3.4'])?.config, 'x.conf');
    assert.equal(plainCommand(['--config', 'x.conf', 'flush', 'all'])?.config, 'x.conf');
    for (const words of [
      [],
      ['accept'],
      ['-c', 'accept', '1.2.3.4'],
      ['-c', '', 'accept', '1.2.3.4'],
      ['accept', '-'],
      ['accept', '1.2.3.4', '--force'],
      ['accept', '1.2.3.4', '-c', 'x.conf'],
      ['--json', 'accept', '1.2.3.4'],
      ['list'],
      ['toString', '1.2.3.4'],
    ])
      assert.equal(plainCommand(words), undefined, words.join(' '));
  });
});

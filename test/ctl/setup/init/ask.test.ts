import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { KnockError } from '../../../../src/base/errors.js';
import { ok, refuse } from '../../../../src/base/result.js';
import { Questions } from '../../../../src/ctl/setup/init/ask.js';

describe('questions', () => {
  const even = (text: string): ReturnType<typeof ok<number>> | ReturnType<typeof refuse> =>
    Number(text) % 2 === 0 ? ok(Number(text)) : refuse('an even one');

  it('are asked again until they can be read; nothing is what is usual', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    using questions = new Questions(input, output);
    const answer = questions.ask('How many?', '4', even);
    input.write('3\n');
    setTimeout(() => input.write('\n'), 50);
    assert.equal(await answer, 4);
    assert.match(String(output.read()), /How many\? \[4\] .*an even one/s);
  });

  it('are as many as one likes: nothing is left of those that were answered', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const warnings: Error[] = [];
    const note = (warning: Error): void => {
      warnings.push(warning);
    };
    process.on('warning', note);
    using questions = new Questions(input, output);
    for (let count = 0; count < 30; count += 1) {
      const answer = questions.ask('How many?', '4', even);
      input.write('2\n');
      assert.equal(await answer, 2);
    }
    await setImmediate();
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });

  it('that come after the end are refused in the same words', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    using questions = new Questions(input, output);
    questions.ifLeft = 'it goes back by itself';
    const first = questions.ask('How many?', '4', even);
    input.end();
    for (const answer of [first, first.catch(async () => questions.ask('How many?', '4', even))])
      await assert.rejects(
        answer,
        (error) => error instanceof KnockError && error.hint === 'it goes back by itself',
      );
  });

  it('that nobody answers any more end the command', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    using questions = new Questions(input, output);
    const answer = questions.ask('How many?', '4', even);
    input.end();
    await assert.rejects(answer, /no answer came any more/);
  });
});

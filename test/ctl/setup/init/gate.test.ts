import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import type { LetIn } from '../../../../src/ctl/context.js';
import { Questions } from '../../../../src/ctl/setup/init/ask.js';
import { askGate } from '../../../../src/ctl/setup/init/gate.js';

interface Asked {
  readonly gate: string;
  readonly trusted: readonly string[];
  readonly said: string;
}

/** What comes of it; `answer`: of a person, if one is there. */
async function ask(
  found: LetIn | undefined,
  answer: string | undefined,
  trusted: readonly string[] = [],
): Promise<Asked> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  using questions = answer === undefined ? undefined : new Questions(input, output);
  const warnings: string[] = [];
  const context = { letIn: async () => Promise.resolve(found) };
  const warn = (text: string): void => void warnings.push(text);
  const asking = askGate({ context, questions, warn }, 22, trusted);
  await setImmediate(); // to one who has not asked yet nothing is said
  if (answer !== undefined) input.write(`${answer}\n`);
  const got = await asking;
  return { ...got, said: `${warnings.join('\n')}${String(output.read() ?? '')}` };
}

describe('the gate of a first set-up', () => {
  const lan = { sources: ['192.168.0.0/16'], others: [] };
  const odd = { sources: [], others: ['-A INPUT -i eth1 -j ACCEPT'] };

  it('is strict where nobody loses by it, and nothing is asked', async () => {
    assert.deepEqual(await ask({ sources: [], others: [] }, undefined), {
      gate: 'strict',
      trusted: [],
      said: '',
    });
    assert.deepEqual(await ask(lan, undefined, ['192.168.0.0/12']), {
      gate: 'strict',
      trusted: ['192.168.0.0/12'],
      said: '',
    });
  });

  it('is strict if those who were let in by a rule may be trusted', async () => {
    const { gate, trusted, said } = await ask(lan, '', ['192.0.2.1']);
    assert.deepEqual([gate, trusted], ['strict', ['192.0.2.1', '192.168.0.0/16']]);
    assert.match(said, /from 192\.168\.0\.0\/16.*trust 192\.168\.0\.0\/16\? \[yes\]/s);
    const refused = await ask(lan, 'no', ['192.0.2.1']);
    assert.deepEqual([refused.gate, refused.trusted], ['normal', ['192.0.2.1']]);
  });

  it('is normal by itself where not all can be trusted, or nobody can be asked, or nothing can be read', async () => {
    const { gate, said } = await ask(odd, '');
    assert.equal(gate, 'normal');
    assert.match(said, /eth1.*all the same\? \[no\]/s);
    const silent = await ask(lan, undefined);
    assert.equal(silent.gate, 'normal');
    assert.match(silent.said, /192\.168\.0\.0\/16.*--trust 192\.168\.0\.0\/16/);
    assert.equal((await ask(undefined, undefined)).gate, 'normal');
  });
});

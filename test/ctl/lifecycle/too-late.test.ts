import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { tooLate } from '../../../src/ctl/lifecycle/too-late.js';

describe('a confirm while no supervisor runs', () => {
  const tried = (agoS: number): Parameters<typeof tooLate>[0] => ({
    tried: '0'.repeat(64),
    at: new Date(Date.now() - agoS * 1_000).toISOString(),
    seconds: 300,
    before: null,
  });
  const footprint = { services: ['ssh'], places: [], madeTables: [] };

  it('after the deadline: the kernel has gone back, and nobody is called dead', () => {
    for (const left of [undefined, { ...footprint, supervised: false }]) {
      const { message, hint } = tooLate(tried(301), left);
      assert.match(
        message,
        /^too late: the time was up at [\d:]{8}, the kernel has gone back: nothing is shut$/,
      );
      assert.equal(hint, 'knockctl start --trial S tries it again');
    }
  });

  it('before it: somebody has ended the trial', () => {
    assert.equal(
      tooLate(tried(10), undefined).message,
      'too late: what was on trial has been ended: nothing is shut',
    );
  });

  it('rules of a supervisor that died are still there', () => {
    const { message, hint } = tooLate(tried(10), { ...footprint, supervised: true });
    assert.match(message, /the supervisor is dead: what was on trial cannot be confirmed any more/);
    assert.match(hint ?? '', /the kernel goes back by itself.*restartifdead/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { KnockError } from '../../../src/base/errors.js';
import { isListRequest } from '../../../src/runtime/access/dispatch.js';
import { SSH, VerbStand } from '../../helpers/verb-context.js';
import { ask, DOOR } from './ask.js';

describe('list, and who may ask for what', () => {
  it('lists what is in, with its time and its origin', async () => {
    await using stand = await new VerbStand([SSH]).build();
    await ask(stand, { verb: 'accept', targets: ['192.0.2.1'] }, DOOR);
    await ask(stand, { verb: 'drop', targets: ['192.0.2.2'] });
    const { data } = await ask(stand, { verb: 'list' });
    assert.ok(Array.isArray(data));
    assert.deepEqual(data.slice(0, 1), [
      { service: 'ssh', list: 'banned', address: '192.0.2.2', timeout: null, by: 'cli' },
    ]);
    assert.equal(data.length, 2);
    const { data: filter } = await ask(stand, { verb: 'list', list: 'filter' });
    assert.ok(Array.isArray(filter) && filter.length === 1);
    const { timeout, ...rest } = filter[0] as { readonly timeout: number };
    assert.deepEqual(rest, { service: 'ssh', list: 'filter', address: '192.0.2.1', by: 'door openSSH' });
    assert.ok(timeout > 290 && timeout <= 300);
  });

  it('a door may not list', async () => {
    await using stand = await new VerbStand([SSH]).build();
    await assert.rejects(ask(stand, { verb: 'list' }, DOOR), /a door may not ask for list/);
  });

  it('knows the requests that it takes', () => {
    assert.equal(isListRequest({ verb: 'flush', targets: ['all'] }), true);
    for (const verb of ['status', 'reload', 'stop', 'events'] as const)
      assert.equal(isListRequest({ verb }), false);
  });

  it('what the kernel refuses is thrown, and is not reported as done', async () => {
    await using stand = new VerbStand([SSH]); // no sets
    for (const verb of ['accept', 'drop', 'trust'] as const) {
      await assert.rejects(ask(stand, { verb, targets: ['192.0.2.1'] }), KnockError);
    }
    assert.deepEqual(stand.recorded, []);
  });
});

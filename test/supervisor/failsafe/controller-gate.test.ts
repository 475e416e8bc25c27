import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FAILSAFE, Stand } from './fixture.js';

/** Armed, and then in a fight over the table filter. */
async function fight(gated: Stand['gated']): Promise<Stand> {
  const stand = await Stand.armed();
  stand.gated = gated;
  stand.event('contested');
  await stand.settle();
  return stand;
}

async function beat(stand: Stand): Promise<boolean> {
  const before = stand.fed;
  stand.engine.reconciler.onExternalChange('iptables (pid 1)'); // it goes on
  stand.clock.advance(FAILSAFE.heartbeatMs);
  stand.engine.heartbeat();
  await stand.settle();
  return stand.fed > before;
}

describe('a fight over the table filter', () => {
  // With `gated` left out of the supervisor (run once, 2026-11-29): the test of iptables -F in e2e/gate.test.ts is red.
  it('is fed through where second gates hold, for as long as they and the listener are sound', async () => {
    const stand = await fight(new Set(['ssh']));
    assert.deepEqual(
      stand.log.filter((line) => line.startsWith('trip')),
      ['trip all but ssh'],
    );
    assert.equal(await beat(stand), true);
    assert.deepEqual(stand.engine.held, ['ssh']);
    stand.gated = new Set();
    assert.equal(await beat(stand), false, 'somebody undoes the gate as well');
    assert.deepEqual(stand.engine.held, []);
    stand.gated = new Set(['ssh']);
    stand.listener.isHealthy = false;
    assert.equal(await beat(stand), false, 'nobody hears');
    stand.listener.isHealthy = true;
    assert.equal(await beat(stand), true);
    assert.deepEqual(stand.wrong, []);
  });

  it('trips as ever where none does', async () => {
    const stand = await fight(new Set());
    assert.ok(stand.log.includes('trip'));
    assert.equal(await beat(stand), false);
  });

  it('leaves no moment without the switch when it is over', async () => {
    const stand = await fight(new Set(['ssh']));
    stand.event('calm');
    await stand.settle();
    assert.equal(stand.log.includes('trip'), false);
    stand.engine.heartbeat();
    await stand.settle();
    assert.deepEqual(stand.wrong, []);
    assert.equal(stand.engine.info.state, 'armed');
  });
});

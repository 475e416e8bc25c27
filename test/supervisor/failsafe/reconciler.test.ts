import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FAILSAFE, Stand } from './fixture.js';

describe('the guard of the rules', () => {
  it('keeps feeding while only the look has to wait for a lock, and says so once', async () => {
    const stand = await Stand.armed();
    stand.rules = 'busy';
    for (let beat = 0; beat < 3; beat += 1) {
      stand.clock.advance(FAILSAFE.heartbeatMs);
      stand.engine.heartbeat();
      await stand.settle();
      assert.equal(stand.fedMs, stand.clock.nowMs());
    }
    assert.equal(stand.log.filter((line) => line.startsWith('check put off')).length, 1);
  });

  it('looks at the rules again only where it is not certain that none has changed', async () => {
    const stand = await Stand.armed('nft 1');
    const looks = async (deed: () => void): Promise<number> => {
      const before = stand.looks;
      deed();
      for (let beat = 0; beat < 2; beat += 1) {
        stand.clock.advance(FAILSAFE.heartbeatMs);
        stand.engine.heartbeat();
        await stand.settle();
      }
      return stand.looks - before;
    };
    const nothing = (): void => undefined;
    assert.equal(await looks(nothing), 1, 'the look of arming was no look with a witness');
    assert.equal(await looks(nothing), 0);
    assert.equal(await looks(() => (stand.witness = 'nft 2')), 1, 'something has changed');
    assert.equal(await looks(() => (stand.settled = false)), 2, 'a set is missing, or something is left');
    assert.equal(await looks(() => (stand.settled = true)), 0);
    const distrust = (): void => {
      stand.engine.reconciler.invalidate();
    };
    assert.equal(await looks(distrust), 1, 'a knock was heard');
    const check = (): void => {
      stand.engine.reconciler.forceResync();
    };
    assert.equal(await looks(check), 1, 'the health check');
    assert.equal(await looks(() => (stand.witness = undefined)), 2, 'nobody can tell');
    assert.equal(await looks(() => (stand.witness = 'nft 2')), 1, 'while nobody could, it may have changed');
    assert.equal(await looks(() => (stand.rules = 'broken')), 0, 'by something that no monitor tells');
    assert.equal(await looks(check), 2, 'found by the health check; tripped, each heartbeat looks');
    assert.equal(stand.engine.info.state, 'tripped');
    assert.equal(await looks(() => (stand.rules = 'right')), 2, 'the look that arms, and one of its own');
    assert.equal(stand.engine.info.state, 'armed');
    const fedMs = stand.fedMs;
    assert.equal(await looks(nothing), 0);
    assert.ok(stand.fedMs > fedMs, 'feeding goes on');
  });

  it('believes no look that somebody distrusted while it was under way', async () => {
    const stand = await Stand.armed('nft 1');
    stand.engine.heartbeat();
    for (let turn = 0; turn < 6 && stand.looks < 2; turn += 1) await Promise.resolve();
    assert.equal(stand.looks, 2, 'it is under way');
    stand.engine.reconciler.invalidate();
    await stand.settle();
    for (const looks of [3, 3]) {
      stand.engine.heartbeat();
      await stand.settle();
      assert.equal(stand.looks, looks);
    }
  });

  it('looks again after one that failed, although nothing has changed', async () => {
    const stand = await Stand.armed('nft 1');
    stand.engine.heartbeat();
    await stand.settle();
    stand.witness = 'nft 2';
    stand.rules = 'busy';
    for (let beat = 0; beat < 3; beat += 1) {
      const { looks } = stand;
      stand.engine.heartbeat();
      await stand.settle();
      assert.equal(stand.looks, looks + 1);
    }
  });

  // Without catchUp: "nft monitor has not told", although it tells a moment later.
  it('names the author of a change that a heartbeat finds before the monitor has told; else says why not', async () => {
    const stand = await Stand.armed();
    stand.rules = 'undone';
    stand.catchUp = () => {
      stand.engine.reconciler.onExternalChange('late (pid 9)');
    };
    stand.engine.heartbeat();
    await stand.settle();
    assert.match(
      stand.log.find((line) => line.startsWith('repaired: ')) ?? '',
      /; changed by late \(pid 9\)$/,
    );
    stand.catchUp = () => undefined;
    stand.rules = 'undone';
    stand.engine.heartbeat();
    await stand.settle();
    const last = stand.log.findLast((line) => line.startsWith('repaired: ')) ?? '';
    assert.match(last, /; who did it is not known: nft monitor has not told$/);
  });

  it('stops fighting at the sixth repair within a minute, names the culprit, and tries again after a calm one', async () => {
    const stand = await Stand.armed();
    for (let deed = 0; deed < 6; deed += 1) {
      stand.rules = 'undone';
      stand.engine.reconciler.onExternalChange('evil (pid 7)');
      stand.clock.advance(500);
      await stand.settle();
    }
    assert.equal(stand.engine.info.state, 'contested');
    assert.match(stand.engine.info.reason, /more than 5 times within a minute; changed by evil \(pid 7\)/);
    assert.equal(stand.log.at(-1), 'trip');
    for (let second = 0; second < 120; second += 5) {
      stand.rules = 'undone';
      if (second < 60) stand.engine.reconciler.onExternalChange('evil (pid 7)');
      stand.clock.advance(5_000);
      stand.engine.heartbeat();
      await stand.settle();
      if (second < 110) assert.equal(stand.engine.info.state, 'contested', `${second}`);
    }
    stand.clock.advance(5_000);
    stand.engine.heartbeat();
    await stand.settle();
    stand.engine.heartbeat();
    await stand.settle();
    assert.equal(stand.engine.info.state, 'armed');
    assert.equal(stand.clock.timers, 0);
  });
});

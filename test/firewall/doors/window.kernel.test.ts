/** The window runs from the first packet for exactly its time, whatever comes in between. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Stand, type SentAt } from './fixture.js';

const WINDOW_MS = 2000;
/** The kernel's clock ticks (jiffies, 100 a second at the least), and a busy machine takes a packet a little late. */
const UNCERTAIN_MS = 20;
const DOOR = {
  name: 'window',
  doors: `[d]\nsequence = 7000,8000,9000\nseq_timeout = 2\ntcpflags = syn\nstart_command = knockctl accept %IP%\n`,
};
/** When the last packet comes. */
const LAST_MS = [1500, 1900, 1960, 1975, 2025, 2040, 2100, 2500];

/** The last knocks that opened though they were late, and those that did not though they were in time. */
async function wrong(stand: Stand, source: (index: number) => string, set: string): Promise<string[]> {
  const knocks = LAST_MS.flatMap((lastMs, index) => [
    { source: source(index), destinationPort: 7000, atMs: 0 },
    { source: source(index), destinationPort: 8000, atMs: 1200 },
    { source: source(index), destinationPort: 9000, atMs: lastMs },
  ]).toSorted((a, b) => a.atMs - b.atMs);
  const times = await stand.send(knocks);
  const opened = (await stand.entries(set)).map((entry) => entry.split(' ')[0]);
  let judged = 0;
  const faults = LAST_MS.flatMap((lastMs, index) => {
    const at = (port: number): SentAt => {
      const found =
        times[knocks.findIndex((one) => one.source === source(index) && one.destinationPort === port)];
      assert.ok(found !== undefined);
      return found;
    };
    const least = at(9000).afterMs - at(7000).beforeMs;
    const most = at(9000).beforeMs - at(7000).afterMs;
    const isOpen = opened.includes(source(index));
    if (least > WINDOW_MS + UNCERTAIN_MS) return (judged += 1) && isOpen ? [`${lastMs} ms: open`] : [];
    if (most < WINDOW_MS - UNCERTAIN_MS) return (judged += 1) && !isOpen ? [`${lastMs} ms: shut`] : [];
    return []; // too close to tell, on a machine so busy
  });
  assert.ok(judged >= 5, `the machine is too busy: ${JSON.stringify(times)}`);
  return faults;
}

describe('the window', () => {
  for (const backend of ['nft', 'legacy'] as const) {
    it(`is over after its time, to the tick: ${backend}`, async () => {
      await using stand = await Stand.open(backend, DOOR);
      assert.deepEqual(await wrong(stand, (index) => `198.18.0.${index + 1}`, 'ssh_filter4'), []);
      assert.deepEqual(await wrong(stand, (index) => `2001:db8::${index + 1}`, 'ssh_filter6'), []);
    });
  }

  it('would be found longer, were it renewed by each packet', async () => {
    await using stand = await Stand.open('nft', DOOR, (rules) =>
      rules.replaceAll(
        /^(-A (\S+)_done2 -j SET) --add-set \S+_done2\.([46]) src --exist\n/gm,
        '$&$1 --add-set $2_window$3 src --exist\n',
      ),
    );
    const late = LAST_MS.filter((ms) => ms > WINDOW_MS + UNCERTAIN_MS).map((ms) => `${ms} ms: open`);
    const found = await wrong(stand, (index) => `198.18.0.${index + 1}`, 'ssh_filter4');
    assert.ok(found.length >= 3 && found.every((one) => late.includes(one)), found.join());
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { MessageBudgets } from '../../../src/supervisor/listener/message-budgets.js';
import type { ListenerMessage } from '../../../src/wire/listener.js';

const ADDRESS = '192.0.2.7';
const MESSAGES: readonly ListenerMessage[] = [
  { type: 'ready', interfaces: ['any'] },
  { type: 'fatal', reason: 'x' },
  { type: 'beat', packets: 1 },
  { type: 'suppressed', count: 1 },
  { type: 'echo', nonce: '00' },
  { type: 'stage', door: 0, address: ADDRESS, stage: 1 },
  { type: 'timeout', door: 0, address: ADDRESS, stage: 1 },
  { type: 'knock', door: 0, address: ADDRESS },
];

function takes(message: ListenerMessage, seconds: number, each: number): boolean {
  const budgets = new MessageBudgets(0);
  for (let second = 0; second < seconds; second += 1) {
    for (let nth = 0; nth < each; nth += 1) if (!budgets.take(message, second * 1_000)) return false;
  }
  return true;
}

describe('the budgets of what a listener says', () => {
  it('leave a sound one alone: twice what it sends at most, for ever', () => {
    // sniffer.ts: 100 stages, 500 knocks and 50 echoes a second; five beats at the shortest heartbeat.
    const most = { beat: 10, suppressed: 5, echo: 50, stage: 100, timeout: 100, knock: 500 } as const;
    for (const message of MESSAGES) {
      if (message.type !== 'ready' && message.type !== 'fatal')
        assert.ok(takes(message, 600, most[message.type]), message.type);
    }
  });

  it('end a flood of each kind within what fits into a second', () => {
    for (const message of MESSAGES) assert.ok(!takes(message, 1, 4_001), message.type);
  });

  it('are for each kind alone: knocks use up no beats', () => {
    const budgets = new MessageBudgets(0);
    const [ready, , beat] = MESSAGES;
    const knock = MESSAGES.at(-1);
    assert.ok(ready !== undefined && beat !== undefined && knock !== undefined);
    while (budgets.take(knock, 0));
    assert.ok(budgets.take(beat, 0) && budgets.take(ready, 0));
    assert.ok(!budgets.take(ready, 1e9), 'it is ready once');
  });
});

import assert from 'node:assert/strict';
import { it } from 'node:test';

import type { Family } from '../../../src/base/address.js';
import { UnreadableRulesWarning } from '../../../src/supervisor/failsafe/unreadable-rules-warning.js';

it('what cannot be read is told once for each family, and once that it can again', () => {
  const log: string[] = [];
  const notice = new UnreadableRulesWarning({ record: (_kind, text) => void log.push(text) });
  const unread = new Map<Family, string>([[4, 'incompatible']]);
  notice.update(new Map(), undefined);
  assert.deepEqual(log, []);
  notice.update(unread, 'netbird (pid 7)');
  notice.update(unread, 'netbird (pid 7)');
  assert.equal(log.length, 1);
  assert.match(String(log[0]), /^IPv4: .*\(incompatible; the last to change rules was netbird \(pid 7\)\)/);
  notice.update(new Map([...unread, [6, 'hangs'] as const]), undefined);
  assert.match(String(log[1]), /^IPv6: .*\(hangs\)/);
  notice.update(new Map(), undefined);
  assert.deepEqual(log.slice(2), ['IPv4: all rules can be read again', 'IPv6: all rules can be read again']);
});

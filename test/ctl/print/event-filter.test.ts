import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseSince } from '../../../src/ctl/print/event-filter.js';
import { shortened } from '../../../src/ctl/print/shortened.js';
import type { EventRecord } from '../../../src/wire/control.js';
import { run } from '../fixture.js';

const NOW = new Date(2026, 10, 30, 15, 0, 0);

describe('events --since', () => {
  const local = (...parts: [number, number, number, number, number, number?]): number =>
    new Date(...parts).getTime();
  for (const [text, expected] of [
    ['90s', NOW.getTime() - 90_000],
    ['10m', NOW.getTime() - 600_000],
    ['2h', NOW.getTime() - 7_200_000],
    ['1d', NOW.getTime() - 86_400_000],
    ['today', local(2026, 10, 30, 0, 0)],
    ['9:05', local(2026, 10, 30, 9, 5)],
    ['14:30:10', local(2026, 10, 30, 14, 30, 10)],
    ['2026-11-29', local(2026, 10, 29, 0, 0)],
    ['2026-11-29 08:00', local(2026, 10, 29, 8, 0)],
    ['2026-11-29T08:00:00Z', Date.UTC(2026, 10, 29, 8)],
  ] as const) {
    it(text, () => {
      assert.deepEqual(parseSince(text, NOW), { ok: true, value: expected });
    });
  }

  it('takes nothing else', async () => {
    for (const text of ['', '10', '10x', '25:00', '12:60', '2026-13-01', 'yesterday', '-1h', '2026-11-29x'])
      assert.equal(parseSince(text, NOW).ok, false, text);
    for (const words of [
      ['--since', 'x'],
      ['-n', '0'],
      ['-n', 'x'],
      ['--kind', 'a;b'],
    ])
      assert.equal((await run(['events', ...words])).code, 64, words.join(' '));
  });
});

describe('events', () => {
  const event = (number: number, kind: string, time: string): EventRecord => ({
    number,
    kind,
    time,
    text: `event ${number}`,
    fields: {},
  });
  const PAST = [
    event(1, 'state', '2026-11-30T10:00:00Z'),
    event(2, 'knock', '2026-11-30T11:00:00Z'),
    event(3, 'drop', '2026-11-30T12:00:00Z'),
    event(4, 'knock', '2026-11-30T13:00:00Z'),
  ];
  const frames = [{ type: 'reply', reply: { exitCode: 0, remarks: [], data: PAST } }] as const;
  const shown = async (...words: readonly string[]): Promise<string> => {
    const { out } = await run(['events', ...words], { frames });
    return [...out.matchAll(/event (\d)/g)].map(([, number]) => number).join('');
  };

  it('are narrowed by number, time and kind, and by all of them', async () => {
    assert.equal(await shown(), '1234');
    assert.equal(await shown('-n', '2'), '34');
    assert.equal(await shown('-n', '9'), '1234');
    assert.equal(await shown('--since', '2026-11-30T11:30:00Z'), '34');
    assert.equal(await shown('--kind', 'knock'), '24');
    assert.equal(await shown('--kind', 'state,drop'), '13');
    assert.equal(await shown('-n', '1', '--kind', 'knock', '--since', '2026-11-30T10:30:00Z'), '4');
  });

  it('of a kind that there is none of: the kinds there are', async () => {
    const { out, err, code } = await run(['events', '--kind', 'knocks'], { frames });
    assert.deepEqual(
      [code, out, err],
      [0, '', 'note: no event of kind knocks; there are: drop, knock, state\n'],
    );
  });

  it('that come live are narrowed by kind, and not shown again', async () => {
    const live = (one: EventRecord) => ({ type: 'event', event: one }) as const;
    const both = [
      live(event(4, 'knock', '2026-11-30T13:00:00Z')),
      ...frames,
      live(event(5, 'drop', '2026-11-30T14:00:00Z')),
      live(event(6, 'knock', '2026-11-30T15:00:00Z')),
    ];
    const { out } = await run(['events', '--follow', '-n', '1', '--kind', 'knock'], { frames: both });
    assert.deepEqual(
      [...out.matchAll(/event (\d)/g)].map(([, number]) => number),
      ['4', '6'],
    );
  });
});

describe('a long repair', () => {
  const WHO = 'changed by iptables (123)';

  it('is summed up, and who did it stays', () => {
    const chains = Array.from({ length: 20 }, (_, index) => `chain c${index} was missing (IPv4)`);
    const sets = Array.from({ length: 20 }, (_, index) => `set s${index} was missing`);
    assert.equal(shortened([...chains, ...sets, WHO].join('; ')), `40 chains and sets were missing; ${WHO}`);
    const more = [...chains, 'the jump to ssh_policy was there 2 times, or changed (IPv6)', WHO];
    assert.equal(shortened(more.join('; ')), `20 chains were missing; 1 jump was changed; ${WHO}`);
  });

  it('of a few changes stays as it is', () => {
    const text = `chain a was missing (IPv4); chain b was changed (IPv6); ${WHO}`;
    assert.equal(shortened(text), text);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { dormantTables, isDormant, parseListing } from '../../../src/firewall/rules/nft-listing.js';

const META = { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } };
const COUNTER = { counter: { packets: 7, bytes: 420 } };
const of = (...items: readonly unknown[]): string => JSON.stringify({ nftables: [META, ...items] });
const rule = (chain: string, handle: number, ...expr: readonly unknown[]): unknown => ({
  rule: { family: 'ip', table: 'filter', chain, handle, expr },
});

describe('a table as nft lists it', () => {
  it('has chains, and rules with their numbers, handles and targets', () => {
    const comment = { xt: { type: 'match', name: 'comment' } };
    const { chains, rules } = parseListing(
      of(
        { chain: { name: 'INPUT', hook: 'input', policy: 'drop' } },
        { chain: { name: 'ssh_policy' } },
        rule('INPUT', 4, { accept: null }),
        rule('ssh_policy', 5, COUNTER, { drop: null }),
        rule('INPUT', 9, comment, COUNTER, { jump: { target: 'ssh_policy' } }),
        rule('INPUT', 11, { goto: { target: 'other' } }),
      ),
    );
    assert.deepEqual(chains, [
      { name: 'INPUT', policy: 'DROP' },
      { name: 'ssh_policy', policy: undefined },
    ]);
    assert.deepEqual(
      rules.map(({ chain, number, handle, target }) => [chain, number, handle, target]),
      [
        ['INPUT', 1, 4, undefined],
        ['ssh_policy', 1, 5, undefined],
        ['INPUT', 2, 9, 'ssh_policy'],
        ['INPUT', 3, 11, 'other'],
      ],
    );
    assert.deepEqual(
      rules.map(({ hasComment, packets }) => [hasComment, packets]),
      [
        [false, undefined],
        [false, 7],
        [true, 7],
        [false, undefined],
      ],
    );
  });

  it('shows a rule the same whatever it has counted, and another one otherwise', () => {
    const form = (...expr: readonly unknown[]): string | undefined =>
      parseListing(of(rule('c', 1, ...expr))).rules[0]?.form;
    const more = { counter: { packets: 8, bytes: 500 } };
    assert.equal(form(COUNTER, { drop: null }), form(more, { drop: null }));
    assert.notEqual(form(COUNTER, { drop: null }), form(COUNTER, { accept: null }));
  });

  it('is none where it is cut short, or something else', () => {
    const whole = of(rule('c', 1, { drop: null }));
    for (let end = 0; end < whole.length; end += 1)
      assert.throws(() => parseListing(whole.slice(0, end)), Error, whole.slice(0, end));
    for (const text of ['null', '[]', '{}', '{"nftables": 7}', of(rule('c', NaN))])
      assert.throws(() => parseListing(text), Error, text);
  });

  it('sleeps by its flag alone, however nft spells it', () => {
    assert.equal(isDormant({ name: 'filter' }), false);
    assert.equal(isDormant(undefined), false);
    // nft 1.0.6 prints its own name there.
    for (const flags of ['dormant', ['dormant'], ['owner', 'dormant'], 'Lester Gooch #5'])
      assert.equal(isDormant({ flags }), true, String(flags));
    for (const flags of ['owner', ['owner', 'persist'], []])
      assert.equal(isDormant({ flags }), false, String(flags));
  });

  it('is told with its family, among all tables', () => {
    const tables = [
      { metainfo: { version: '1.0.6' } },
      { table: { family: 'ip', name: 'filter', handle: 1, flags: ['dormant'] } },
      { table: { family: 'ip6', name: 'filter', handle: 2 } },
      { table: { family: 'inet', name: 'filter', handle: 3, flags: 'dormant' } },
    ];
    const all = dormantTables(tables);
    assert.deepEqual([...all], ['ip filter', 'inet filter']);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { missingParentChains, planApply, planRemove } from '../../../src/firewall/rules/plan.js';
import { parse } from '../../../src/iptables-parser/parse.js';
import { FakeNetfilter } from '../../helpers/fake-netfilter.js';
import {
  OPTIONS,
  service,
  SERVICES,
  OWN,
  isTagged,
  leadsTo,
  foreign,
  made,
  apply,
  foreignRule,
  rulesAtRandom,
  build,
} from './random-tables.js';

describe('planApply, from any start', () => {
  it('gives the desired state, once, and touches nothing of others', () => {
    fc.assert(
      fc.property(rulesAtRandom(true), fc.constantFrom('first' as const, 'last' as const), (start, hook) => {
        const table = build(start);
        const before = foreign(table);
        const options = { ...OPTIONS, hook };
        apply(table, SERVICES, options);
        for (const { chains, jumps, service: name } of SERVICES) {
          for (const [chain, rules] of chains) assert.deepEqual(table.rules(chain), rules);
          const tags = [`--comment "knockctl:${name}"`, `--comment "knockctl:hidden:${name}"`];
          const all = table.names.flatMap((chain) =>
            table.rules(chain).map((rule) => [chain, rule] as const),
          );
          const tagged = all.filter(([, rule]) => tags.some((tag) => rule.includes(tag)));
          assert.deepEqual(
            tagged,
            jumps.map(({ chain, rule }) => [chain, rule]),
          );
        }
        assert.deepEqual(foreign(table), before);
        assert.deepEqual(apply(table, SERVICES, options), [], 'a second plan is empty');
      }),
      { numRuns: 1500 },
    );
  });

  it('takes chains out that are ours no more, whatever stands in them, but for those that others name', () => {
    const drop = ['ssh_policy', 'ssh_trusted', 'ssh_nowhere'];
    const kept = SERVICES.slice(1);
    fc.assert(
      fc.property(rulesAtRandom(true), (start) => {
        const table = build(start);
        const removal = planRemove([{ service: 'ssh', chains: new Map(), jumps: [] }], parse(table.save()));
        // In a chain of ours that stays, no rule of the desired ones leads to a chain that goes.
        if (removal.text !== '') assert.equal(table.restore(removal.text), undefined);
        const own = OWN.filter((chain) => chain.startsWith('ssh_2_'));
        const leads = (chain: string): boolean =>
          table.names.some(
            (from) =>
              ![...drop, ...own].includes(from) && table.rules(from).some((rule) => leadsTo(rule, chain)),
          );
        const expected = drop.filter((chain) => table.names.includes(chain) && leads(chain));
        apply(table, kept, { ...OPTIONS, drop });
        assert.deepEqual(
          drop.filter((chain) => table.names.includes(chain)),
          expected,
        );
        for (const chain of expected) assert.deepEqual(table.rules(chain), []);
        assert.deepEqual(apply(table, kept, { ...OPTIONS, drop }), [], 'a second plan is empty');
      }),
      { numRuns: 500 },
    );
  });

  it('without the jump leaves every jump as it is', () => {
    fc.assert(
      fc.property(rulesAtRandom(true), (start) => {
        const table = build(start);
        const others = (): unknown =>
          table.names.filter((chain) => !OWN.includes(chain)).map((chain) => [chain, table.rules(chain)]);
        const before = others();
        apply(table, SERVICES, { ...OPTIONS, jump: false });
        assert.deepEqual(others(), before);
        for (const { chains } of SERVICES) {
          for (const [chain, rules] of chains) assert.deepEqual(table.rules(chain), rules);
        }
      }),
    );
  });

  it('puts the jump first, or last', () => {
    for (const [hook, at] of [['first', 0] as const, ['last', 2] as const]) {
      const table = made([':DOCKER-USER - [0:0]', '-A INPUT -j ACCEPT', '-A INPUT -j DROP']);
      apply(table, SERVICES, { ...OPTIONS, hook });
      assert.equal(table.rules('INPUT')[at], SERVICES[0]?.jumps[0]?.rule);
    }
  });

  it('takes the jump out where this family has nothing to protect any more', () => {
    const table = made([]);
    apply(table, [service('ssh')]);
    const gone = service('ssh', 'INPUT', ['2001:db8::1']);
    assert.deepEqual(apply(table, [gone]), ['the jump to ssh_policy was there 2 times, or changed']);
    assert.deepEqual(table.rules('INPUT'), []);
    assert.deepEqual(apply(table, [gone]), []);
  });

  it('waits for a chain that nobody has made yet, and says which it is', () => {
    const waiting = [service('ssh', 'DOCKER-USER'), service('web')];
    const table = made([]);
    apply(table, waiting);
    assert.doesNotMatch(table.save(), /knockctl:ssh/);
    assert.match(table.save(), /knockctl:web/);
    assert.deepEqual(missingParentChains(4, waiting, parse(table.save())), [
      { service: 'ssh', family: 4, chain: 'DOCKER-USER' },
    ]);
    assert.deepEqual(apply(table, waiting), []);
    assert.equal(table.restore('*filter\n:DOCKER-USER - [0:0]\nCOMMIT\n'), undefined);
    assert.deepEqual(apply(table, waiting), ['the jump to ssh_policy was missing']);
    assert.deepEqual(missingParentChains(4, waiting, parse(table.save())), []);
  });

  it('needs no table to begin with', () => {
    const table = new FakeNetfilter();
    const plan = planApply([service('ssh')], parse(''), OPTIONS);
    assert.equal(table.restore(plan.text), undefined);
    assert.deepEqual(apply(table, [service('ssh')]), []);
  });

  it('writes only what differs', () => {
    const table = made([':DOCKER-USER - [0:0]']);
    apply(table);
    assert.equal(table.restore('*filter\n-F ssh_banned\nCOMMIT\n'), undefined);
    const plan = planApply(SERVICES, parse(table.save()), OPTIONS);
    assert.deepEqual(plan.changes, ['chain ssh_banned was changed']);
    assert.equal(
      plan.text,
      '*filter\n:ssh_banned - [0:0]\n-A ssh_banned -m set --match-set ssh_banned4 src -j DROP\nCOMMIT\n',
    );
  });
});

describe('planRemove, from any start', () => {
  it('leaves nothing of ours, and everything of others', () => {
    fc.assert(
      fc.property(rulesAtRandom(true), fc.boolean(), (start, applied) => {
        const table = build(start);
        if (applied) apply(table);
        const before = foreign(table);
        const removal = planRemove(SERVICES, parse(table.save()));
        if (removal.text !== '') assert.equal(table.restore(removal.text), undefined, removal.text);
        assert.deepEqual(foreign(table), before);
        const left = table.names.filter((chain) => OWN.includes(chain));
        for (const chain of left) {
          assert.deepEqual(table.rules(chain), [], 'a chain that stays is empty');
          assert.ok(removal.left.some((text) => text.startsWith(`chain ${chain} stays, empty`)));
        }
        assert.ok(!table.names.flatMap((chain) => [...table.rules(chain)]).some(isTagged));
        assert.equal(left.length > 0, removal.left.length > 0);
        const again = planRemove(SERVICES, parse(table.save()));
        if (left.length === 0) assert.equal(again.text, '');
      }),
      { numRuns: 1500 },
    );
  });

  it('gives back exactly the table from before', () => {
    fc.assert(
      fc.property(fc.array(foreignRule, { maxLength: 10 }), (rules) => {
        const table = build({ rules, ready: [], empty: [] });
        const before = table.save();
        apply(table);
        assert.notEqual(table.save(), before);
        assert.equal(table.restore(planRemove(SERVICES, parse(table.save())).text), undefined);
        assert.equal(table.save(), before);
      }),
    );
  });
});

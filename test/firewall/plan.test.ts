import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { EXIT, KnockError } from '../../src/base/errors.js';
import { planApply, planRemove, type ApplyOptions, type SameRules } from '../../src/firewall/plan.js';
import { expandTemplate, type DesiredService } from '../../src/firewall/template.js';
import { parse } from '../../src/iptables-parser/parse.js';
import { FakeNetfilter } from '../helpers/fake-netfilter.js';
import { SERVICE } from '../helpers/kernel-space.js';
import { shippedTemplate } from '../helpers/template.js';

const same: SameRules = (_chain, desired, actual) => desired.join('\n') === actual.join('\n');
const OPTIONS: ApplyOptions = { jump: true, hook: 'first', same };

const service = (name: string, chain = 'INPUT', addresses: readonly string[] = []): DesiredService =>
  expandTemplate(shippedTemplate(), { ...SERVICE, name, chain, addresses }, 4, '6/min');

/** Two services, one of them in a chain of others, one of whose names begins like the other’s. */
const SERVICES = [service('ssh'), service('ssh_2', 'DOCKER-USER')];
const OWN = SERVICES.flatMap(({ chains }) => [...chains.keys()]);
const TAGS = SERVICES.map(({ service: name }) => `--comment "knockctl:${name}"`);

const isTagged = (rule: string): boolean => TAGS.some((tag) => rule.includes(tag));

/** What of a table is not ours, in its order. */
function foreign(table: FakeNetfilter): unknown {
  return table.names
    .filter((chain) => !OWN.includes(chain))
    .map((chain) => [chain, table.rules(chain).filter((rule) => !isTagged(rule))]);
}

/** A table that holds these lines; they must be good ones. */
function made(lines: readonly string[]): FakeNetfilter {
  const table = new FakeNetfilter();
  assert.equal(table.restore(['*filter', ...lines, 'COMMIT', ''].join('\n')), undefined);
  return table;
}

/** Applies a plan; the words for what changed. */
function apply(table: FakeNetfilter, desired = SERVICES, options = OPTIONS): readonly string[] {
  const plan = planApply(desired, parse(table.save()), options);
  assert.equal(plan.text === '', plan.changes.length === 0);
  if (plan.text !== '') assert.equal(table.restore(plan.text), undefined, plan.text);
  return plan.changes;
}

const FOREIGN_CHAINS = ['DOCKER-USER', 'ssh', 'f2b-sshd'];
const FOREIGN_RULES = [
  '-j ACCEPT',
  '-p tcp -m tcp --dport 22 -j DROP',
  '-s 192.0.2.0/24 -j f2b-sshd',
  '-m comment --comment "not knockctl:ssh at all" -j ACCEPT',
  '-m comment --comment "knockctl:sshd" -j DROP',
  '-m comment --comment ssh_policy -j RETURN',
  '-m comment --comment "a \\"b\\" -j ssh_policy" -j ACCEPT',
];

/** Where rules stand at random: built-in chains, chains of others, and our own. */
const foreignRule = fc.tuple(
  fc.constantFrom('INPUT', 'FORWARD', 'OUTPUT', ...FOREIGN_CHAINS),
  fc.oneof(fc.constantFrom(...FOREIGN_RULES), fc.constant('')),
);
const ownRule = fc.tuple(
  fc.constantFrom(...OWN),
  fc.oneof(
    fc.constantFrom(...FOREIGN_RULES, ...SERVICES.map((one) => one.jumps[0]?.rule ?? '')),
    fc.constantFrom(...SERVICES.flatMap(({ chains }) => [...chains.values()].flat())),
  ),
);
/** Our jumps, right or changed, as often and wherever somebody put them. */
const jumpRule = fc.tuple(
  fc.constantFrom('INPUT', 'FORWARD', ...FOREIGN_CHAINS, ...OWN),
  fc.constantFrom(
    ...SERVICES.map(({ jumps: [jump] }) => jump?.rule ?? ''),
    ...SERVICES.map(({ jumps: [jump] }) => (jump?.rule ?? '').replace('--dports 22', '--dports 23')),
    ...TAGS.map((tag) => `-m comment ${tag} -j DROP`),
  ),
);
const foreignJump = fc.tuple(
  fc.constantFrom('INPUT', 'f2b-sshd'),
  fc.constantFrom(...OWN).map((chain) => `-s 192.0.2.1/32 -j ${chain}`),
);

interface Start {
  readonly rules: readonly (readonly [string, string])[];
  readonly ready: readonly boolean[];
  readonly empty: readonly string[];
}

const rulesAtRandom = (withForeignJumps: boolean): fc.Arbitrary<Start> =>
  fc.record({
    rules: fc.array(
      fc.oneof(foreignRule, foreignRule, ownRule, jumpRule, ...(withForeignJumps ? [foreignJump] : [])),
      { maxLength: 14 },
    ),
    ready: fc.tuple(fc.boolean(), fc.boolean()),
    empty: fc.subarray(OWN),
  });

/** A table from a random start; chains that rules name are there. */
function build({ rules, ready, empty }: Start): FakeNetfilter {
  const whole = SERVICES.filter((_, index) => ready[index]);
  const lines = [
    ...whole.flatMap(({ chains }) =>
      [...chains].flatMap(([chain, specs]) => specs.map((spec) => [chain, spec] as const)),
    ),
    ...rules.filter(([, spec]) => spec !== ''),
  ];
  const named = lines.flatMap(([chain, spec]) => [chain, ...OWN.filter((own) => spec.endsWith(`-j ${own}`))]);
  const chains = new Set([...FOREIGN_CHAINS, ...empty, ...named]);
  for (const builtIn of ['INPUT', 'FORWARD', 'OUTPUT']) chains.delete(builtIn);
  return made([
    ...[...chains].map((chain) => `:${chain} - [0:0]`),
    ...lines.map(([chain, spec]) => `-A ${chain} ${spec}`),
  ]);
}

describe('planApply, from any start', () => {
  it('gives the desired state, once, and touches nothing of others', () => {
    fc.assert(
      fc.property(rulesAtRandom(true), fc.constantFrom('first' as const, 'last' as const), (start, hook) => {
        const table = build(start);
        const before = foreign(table);
        const options = { ...OPTIONS, hook };
        apply(table, SERVICES, options);
        for (const {
          chains,
          jumps: [jump],
          service: name,
        } of SERVICES) {
          for (const [chain, rules] of chains) assert.deepEqual(table.rules(chain), rules);
          const tag = `--comment "knockctl:${name}"`;
          const all = table.names.flatMap((chain) =>
            table.rules(chain).map((rule) => [chain, rule] as const),
          );
          const tagged = all.filter(([, rule]) => rule.includes(tag));
          assert.deepEqual(tagged, [[jump?.chain, jump?.rule]]);
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
              ![...drop, ...own].includes(from) &&
              table.rules(from).some((rule) => rule.replaceAll(/"[^"]*"/g, '').endsWith(`-j ${chain}`)),
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
    assert.deepEqual(apply(table, [gone]), ['the jump to ssh_policy was there 1 times, or changed']);
    assert.deepEqual(table.rules('INPUT'), []);
    assert.deepEqual(apply(table, [gone]), []);
  });

  it('refuses a chain that nobody has made, and says who makes it', () => {
    assert.throws(
      () => planApply([service('ssh', 'DOCKER-USER')], parse(made([]).save()), OPTIONS),
      (error) =>
        error instanceof KnockError &&
        error.exitCode === EXIT.firewall &&
        error.message.includes('DOCKER-USER'),
    );
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

/** Tables with rules of others and of ours at random, for what plans make of them. */
import assert from 'node:assert/strict';

import fc from 'fast-check';

import { planApply, type ApplyOptions, type SameRules } from '../../../src/firewall/rules/plan.js';
import { expandTemplate, type DesiredService } from '../../../src/firewall/rules/template.js';
import { parse } from '../../../src/iptables-parser/parse.js';
import { FakeNetfilter } from '../../helpers/fake-netfilter.js';
import { SERVICE } from '../../helpers/kernel-space.js';
import { shippedTemplate } from '../../helpers/template.js';

export const same: SameRules = (_chain, desired, actual) => desired.join('\n') === actual.join('\n');
export const OPTIONS: ApplyOptions = { jump: true, hook: 'first', same };

export const service = (name: string, chain = 'INPUT', addresses: readonly string[] = []): DesiredService =>
  expandTemplate(shippedTemplate(), { ...SERVICE, name, chain, addresses }, 4, '6/min');

/** Two services, one of them in a chain of others, one of whose names begins like the other’s. */
export const SERVICES = [service('ssh'), service('ssh_2', 'DOCKER-USER')];
export const OWN = SERVICES.flatMap(({ chains }) => [...chains.keys()]);
const TAGS = SERVICES.flatMap(({ service: name }) => [
  `--comment "knockctl:${name}"`,
  `--comment "knockctl:hidden:${name}"`,
]);

export const isTagged = (rule: string): boolean => TAGS.some((tag) => rule.includes(tag));

/** What of a table is not ours, in its order. */
export function foreign(table: FakeNetfilter): unknown {
  return table.names
    .filter((chain) => !OWN.includes(chain))
    .map((chain) => [chain, table.rules(chain).filter((rule) => !isTagged(rule))]);
}

/** A table that holds these lines; they must be good ones. */
export function made(lines: readonly string[]): FakeNetfilter {
  const table = new FakeNetfilter();
  assert.equal(table.restore(['*filter', ...lines, 'COMMIT', ''].join('\n')), undefined);
  return table;
}

/** Applies a plan; the words for what changed. */
export function apply(table: FakeNetfilter, desired = SERVICES, options = OPTIONS): readonly string[] {
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
export const foreignRule = fc.tuple(
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
    ...SERVICES.flatMap(({ jumps }) => jumps.map(({ rule }) => rule)),
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

export const rulesAtRandom = (withForeignJumps: boolean): fc.Arbitrary<Start> =>
  fc.record({
    rules: fc.array(
      fc.oneof(foreignRule, foreignRule, ownRule, jumpRule, ...(withForeignJumps ? [foreignJump] : [])),
      { maxLength: 14 },
    ),
    ready: fc.tuple(fc.boolean(), fc.boolean()),
    empty: fc.subarray(OWN),
  });

/** A table from a random start; chains that rules name are there. */
export function build({ rules, ready, empty }: Start): FakeNetfilter {
  const whole = SERVICES.filter((_, index) => ready[index]);
  const lines = [
    ...whole.flatMap(({ chains }) =>
      [...chains].flatMap(([chain, specs]) => specs.map((spec) => [chain, spec] as const)),
    ),
    ...rules.filter(([, spec]) => spec !== ''),
  ];
  const named = lines.flatMap(([chain, spec]) => [chain, ...OWN.filter((own) => leadsTo(spec, own))]);
  const chains = new Set([...FOREIGN_CHAINS, ...empty, ...named]);
  for (const builtIn of ['INPUT', 'FORWARD', 'OUTPUT']) chains.delete(builtIn);
  return made([
    ...[...chains].map((chain) => `:${chain} - [0:0]`),
    ...lines.map(([chain, spec]) => `-A ${chain} ${spec}`),
  ]);
}

/** Whether a rule jumps or goes to a chain; what its comment says does not count. */
export function leadsTo(rule: string, chain: string): boolean {
  return new RegExp(` -[jg] ${chain}$`).test(` ${rule.replaceAll(/"[^"]*"/g, '')}`);
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { MAX_CHAIN } from '../../../src/firewall/model/names.js';
import { planApply, planRemove, type SameRules } from '../../../src/firewall/rules/plan.js';
import type { Service } from '../../../src/firewall/model/service.js';
import { expandTemplate, type DesiredService, type Template } from '../../../src/firewall/rules/template.js';
import { trialRules } from '../../../src/firewall/trial/trial-rules.js';
import { trialChains } from '../../../src/firewall/model/names.js';
import { parse } from '../../../src/iptables-parser/parse.js';
import { FakeNetfilter } from '../../helpers/fake-netfilter.js';
import { walk, type Packet } from '../../helpers/packet-walk.js';
import { shippedTemplate } from '../../helpers/template.js';

const same: SameRules = (_chain, desired, actual) => desired.join('\n') === actual.join('\n');
const SET = 'ssh_trial';

/** A template of the administrator's: goto, a chain more, and texts that look like what is renamed. */
const ODD: Template = {
  file: '/t',
  text: `*filter
:@SERVICE@_policy - [0:0]
:@SERVICE@_trusted - [0:0]
:@SERVICE@_filter - [0:0]
:@SERVICE@_more - [0:0]
-A @CHAIN@ @TO@ -p @PROTOCOL@ @NEW@ -m multiport --dports @PORTS@ -m comment --comment "-j" -m comment --comment "knockctl:@SERVICE@" -g @SERVICE@_policy
-A @SERVICE@_policy -m comment --comment "-j @SERVICE@_trusted --match-set @SERVICE@_trusted@V@" -j @SERVICE@_more
-A @SERVICE@_policy -m set ! --match-set @SERVICE@_alive dst -j @ON_FAILURE@
-A @SERVICE@_policy -j @SERVICE@_filter
-A @SERVICE@_policy -j DROP
-A @SERVICE@_more -j @SERVICE@_trusted
-A @SERVICE@_trusted -m set --match-set @SERVICE@_trusted@V@ src -j ACCEPT
-A @SERVICE@_filter -m set --match-set @SERVICE@_filter@V@ src -j ACCEPT
COMMIT
`,
};

const NAMES = ['ssh', 'ssh_2', 'sixteen_letters_'] as const;
const PORTS = [22, 23, 80] as const;
const TO = ['192.0.2.1/32', '192.0.2.2/32'] as const;

/** All of a service but its ports. */
const service = fc.record({
  protocol: fc.constantFrom('tcp' as const, 'tcp' as const, 'udp' as const),
  addresses: fc.constantFrom([], [], [TO[0]], ['2001:db8::1']),
  chain: fc.constantFrom('INPUT', 'INPUT', 'FORWARD'),
  onFailure: fc.constantFrom('restore' as const, 'flush' as const, 'hold' as const),
});

interface Conf {
  readonly services: readonly Service[];
  readonly odd: boolean;
  readonly log: boolean;
}

/** Any services, under any template; each port belongs to one of them, or to none. */
const conf: fc.Arbitrary<Conf> = fc
  .record({
    services: fc.tuple(service, service, service),
    owners: fc.tuple(...PORTS.map(() => fc.constantFrom(...NAMES, ''))),
    odd: fc.boolean(),
    log: fc.boolean(),
  })
  .map(({ services, owners, odd, log }) => ({
    services: NAMES.map((name, index) => ({
      ...(services[index] ?? services[0]),
      name,
      ports: PORTS.filter((_, at) => owners[at] === name),
    })).filter((one) => one.ports.length > 0),
    odd,
    log,
  }));

function desiredOf({ services, odd, log }: Conf): DesiredService[] {
  const template = odd ? ODD : shippedTemplate();
  return services.map((one) => expandTemplate(template, one, 4, log ? '6/min' : undefined));
}

function load(table: FakeNetfilter, desired: readonly DesiredService[], drop: readonly string[] = []): void {
  const plan = planApply(desired, parse(table.save()), { jump: true, hook: 'last', same, drop });
  if (plan.text !== '') assert.equal(table.restore(plan.text), undefined, plan.text);
}

function loaded(desired: readonly DesiredService[]): FakeNetfilter {
  const table = new FakeNetfilter();
  load(table, desired);
  return table;
}

/** Where a source may stand: in which lists, by which version of the trusted file. */
const packet = fc.record({
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  port: fc.constantFrom(...PORTS),
  to: fc.constantFrom(...TO),
  chain: fc.constantFrom('INPUT', 'FORWARD'),
  lists: fc.subarray(['banned', 'filter', 'trusted', 'trusted before']),
  alive: fc.boolean(),
});

type Sent = typeof packet extends fc.Arbitrary<infer P> ? P : never;

/** The packet as the sets have it; `trusted` of the version on trial is in sets of its own. */
function asSeen(
  sent: Sent,
  trial: { readonly running: boolean; readonly beside: boolean },
  version: 'before' | 'after',
): Packet {
  const isIn = (set: string): boolean => {
    if (set === SET) return trial.running;
    if (set.endsWith('_alive')) return sent.alive;
    const list = /_(banned|filter|trusted)4$/.exec(set)?.[1] ?? '';
    if (list !== 'trusted') return sent.lists.includes(list);
    const isNew = trial.beside ? set.includes('.new_') : version === 'after';
    return sent.lists.includes(isNew ? 'trusted' : 'trusted before');
  };
  return { ...sent, isIn };
}

function verdict(table: FakeNetfilter, sent: Sent, seen: Packet): string | undefined {
  return walk((chain) => table.rules(chain), sent.chain, seen);
}

describe('rules on trial', () => {
  // Red without the set in the jumps (withMatch), and without the jumps of before.
  it('while the set holds the port: the new version and no other; after that: the old one', () => {
    let differ = 0;
    fc.assert(
      fc.property(conf, conf, packet, (before, after, sent) => {
        const [old, fresh] = [desiredOf(before), desiredOf(after)];
        const table = loaded(old);
        load(table, trialRules(old, fresh, SET));
        const alone = (rules: DesiredService[], version: 'before' | 'after'): string | undefined =>
          verdict(loaded(rules), sent, asSeen(sent, { running: false, beside: false }, version));
        const wanted = alone(fresh, 'after');
        const former = alone(old, 'before');
        const now = (running: boolean): string | undefined =>
          verdict(table, sent, asSeen(sent, { running, beside: true }, 'after'));
        assert.equal(now(true), wanted, 'on trial');
        assert.equal(now(false), former, 'gone back');
        differ += wanted === former ? 0 : 1;
      }),
      { numRuns: 3000 },
    );
    assert.ok(differ > 500, `only ${differ} of 3000 trials made a difference`);
  });

  it('leaves the chains of before as they are, and a plain version takes everything of the trial out', () => {
    fc.assert(
      fc.property(conf, conf, fc.boolean(), (before, after, confirmed) => {
        const [old, fresh] = [desiredOf(before), desiredOf(after)];
        const table = loaded(old);
        const trial = trialRules(old, fresh, SET);
        load(table, trial);
        for (const { chains } of old)
          for (const [chain, rules] of chains) assert.deepEqual(table.rules(chain), rules);
        const oldChains = old.flatMap(({ chains }) => [...chains.keys()]);
        const extra = trial
          .flatMap(({ chains }) => [...chains.keys()])
          .filter((chain) => !oldChains.includes(chain));
        const stays = confirmed ? fresh : old;
        const gone = (confirmed ? old : fresh).filter(
          (one) => !stays.some((other) => other.service === one.service),
        );
        const removal = planRemove(gone, parse(table.save()));
        if (removal.text !== '') assert.equal(table.restore(removal.text), undefined);
        // Chains of a template that the other version has not got are left to the footprint's note.
        const noted = [...extra, ...oldChains, ...fresh.flatMap(({ chains }) => [...chains.keys()])];
        load(table, stays, noted);
        const plain = loaded(stays);
        assert.deepEqual(new Set(table.names), new Set(plain.names));
        for (const chain of plain.names)
          assert.deepEqual(new Set(table.rules(chain)), new Set(plain.rules(chain)));
        load(table, stays, noted);
      }),
      { numRuns: 500 },
    );
  });

  it('gives chains names of their own that iptables takes', () => {
    const chain = fc.stringMatching(/^[a-z0-9.]{1,18}$/).map((rest) => `ssh_${rest}`.slice(0, MAX_CHAIN));
    fc.assert(
      fc.property(fc.uniqueArray(chain), fc.array(chain), (chains, taken) => {
        const names = [...trialChains('ssh', chains, taken).values()];
        assert.equal(new Set([...names, ...chains]).size, names.length + chains.length);
        for (const name of names) {
          assert.ok(name.startsWith('ssh_') && name.endsWith('.new') && name.length <= MAX_CHAIN, name);
          assert.ok(!taken.includes(name));
        }
      }),
    );
    const longest = ['policy', 'banned', 'trusted', 'filter'].map((part) => `sixteen_letters__${part}`);
    assert.deepEqual(
      [...trialChains('sixteen_letters_', longest).values()],
      longest.map((name) => `${name}.new`),
    );
  });
});

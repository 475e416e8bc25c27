import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import {
  doneChain,
  doneSet,
  doorNames,
  doorsInstance,
  doorsLabel,
  isDoorName,
  openChain,
  startChain,
  stepChain,
  underWayChain,
  windowSet,
} from '../../../src/firewall/model/door-names.js';
import { MAX_CHAIN } from '../../../src/firewall/model/names.js';
import { serviceSets, trialSets } from '../../../src/firewall/sets/set-specs.js';
import { trialChains } from '../../../src/firewall/model/names.js';
import { MAX_STEPS, type Door } from '../../../src/knock/door.js';
import { door } from '../../knock/support.js';

const SOURCES = 1024;
/** What a word of iptables and ipset may be without quotes. */
const PLAIN = /^[A-Za-z0-9_.-]+$/;

const names = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom(
    'openSSH',
    'open ssh',
    'openSSH2',
    '',
    '-x',
    'дверь',
    '../../etc',
    '"; -F',
    'new',
    'a'.repeat(99),
  ),
);
/** `new` and `knock` are what could be mistaken for a name of ours. */
const services = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,15}$/),
  fc.constantFrom('ssh', 'knock', 'new', 'k-ssh', 'a-long-service_1'),
);
const doors = fc.array(
  fc.record({ name: names, port: fc.integer({ min: 1, max: 3 }), windowS: fc.integer({ min: 1, max: 2 }) }),
  { maxLength: 12 },
);
const made = doors.map((list) =>
  list.map(({ name, port, windowS }) => door(`${port},8000`, { name, windowMs: 1000 * windowS })),
);

/** The parts that decide what is recognised; ids may change with every reading. */
const kindOf = ({ name, sequence, windowMs }: Door): string => JSON.stringify([name, sequence, windowMs]);

describe('the names of doors in the kernel', () => {
  it('are unique, plain, short enough, and no names of services', () => {
    fc.assert(
      fc.property(made, services, (list, service) => {
        const instance = doorsInstance(service);
        const bases = doorNames(list, SOURCES, instance);
        assert.equal(new Set(bases).size, list.length);
        for (const base of bases) {
          assert.ok(base.startsWith(`${instance}.`));
          const last = MAX_STEPS - 1;
          const chains = [base, startChain(base), openChain(base), doneChain(base, last)];
          for (const chain of chains) {
            assert.ok(chain.length <= MAX_CHAIN && PLAIN.test(chain) && isDoorName(chain, instance), chain);
          }
          for (const set of [windowSet(base, 4), doneSet(base, last, 6)]) {
            assert.ok(set.length <= 31 && PLAIN.test(set) && isDoorName(set, instance), set);
          }
        }
        for (const shared of [doorsLabel, stepChain, underWayChain]) {
          assert.ok(isDoorName(shared(instance), instance) && !bases.includes(shared(instance)));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are never those of a service, nor of its trials', () => {
    fc.assert(
      fc.property(services, services, (owner, service) => {
        const chains = ['policy', 'banned'].map((part) => `${service}_${part}`);
        const sets = [...serviceSets(service), ...trialSets(service)].map(({ name }) => name);
        for (const name of [...chains, ...trialChains(service, chains).values(), ...sets]) {
          for (const instance of [doorsInstance(owner), service])
            assert.ok(!isDoorName(name, instance), name);
        }
      }),
    );
  });

  it('stay with a door as long as it stays as it is, whatever comes and goes beside it', () => {
    fc.assert(
      fc.property(made, made, fc.nat(12), (list, others, at) => {
        const before = doorNames(list, SOURCES, 'knock');
        // Only doors that differ from all of the list: those that are the same door twice are counted.
        const kinds = new Set(list.map(kindOf));
        const added = others.filter((other) => !kinds.has(kindOf(other)));
        const mixed = [...list.slice(0, at), ...added, ...list.slice(at)];
        const after = new Map(mixed.map((one, index) => [one, doorNames(mixed, SOURCES, 'knock')[index]]));
        assert.deepEqual(
          list.map((one) => after.get(one)),
          before,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('are others where anything of the door is another', () => {
    const base = { name: 'd' };
    const [before, ...others] = [
      door('1,2', base),
      door('1,3', base),
      door('1,2:udp', base),
      door('1,2', { ...base, windowMs: 6000 }),
      door('1,2', { ...base, flags: { mask: 2, value: 0 } }),
      door('1,2', { ...base, target: { family: 4, prefix: 32, text: '192.0.2.1' } }),
      door('1,2', { name: 'e' }),
    ].map((one) => doorNames([one], SOURCES, 'knock')[0]);
    for (const other of others) assert.notEqual(other, before);
    assert.notEqual(
      doorNames([door('1,2', base)], 2048, 'knock')[0],
      before,
      'a set of another size is another set',
    );
    assert.equal(doorNames([door('1,2', base)], SOURCES, 'knock')[0], before, 'the id is no part of it');
  });

  it('can be read', () => {
    const bases = doorNames(
      ['openSSH', 'open the door', 'дверь', ''].map((name) => door('7000,8000', { name })),
      SOURCES,
      'knock',
    );
    assert.deepEqual(
      bases.map((base) => base.replace(/[a-z0-9]{4}$/, 'HASH')),
      ['knock.openSSH.HASH', 'knock.open_the_d.HASH', 'knock._.HASH', 'knock.door.HASH'],
    );
  });
});

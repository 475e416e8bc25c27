import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Exposure } from '../../../src/firewall/exposure/assess.js';
import type { State } from '../../../src/wire/state.js';
import { namedState } from '../../../src/supervisor/control/protection-report.js';
import type { ServiceReport } from '../../../src/wire/reports.js';

type Rules = ServiceReport['rules'][number];

const WHOLE: Partial<Rules> = { chains: true, jump: true, whole: ['filter'] };
const GONE: Partial<Rules> = { chains: false, jump: false, whole: [] };

function service(...rules: readonly Partial<Rules>[]): ServiceReport {
  const entries = { banned: 0, trusted: 0, filter: 0, decoyed: 0, granted: 0 };
  const all = rules.map(
    (one, index) => ({ family: index === 0 ? 4 : 6, chains: true, jump: true, ...one }) as const,
  );
  return {
    ...{ name: 'ssh', protocol: 'tcp', ports: [22], onFailure: 'hold', switchLeft: 30 },
    rules: all,
    entries,
  };
}

function told(
  services: readonly ServiceReport[],
  state: State = 'armed',
  kinds: readonly Exposure['kind'][] = [],
): string {
  const exposures = kinds.map((kind) => ({ kind }) as Exposure);
  const { state: name, protected: is } = namedState(state, { onTrial: false, services, exposures, held: [] });
  return `${name} ${String(is)}`;
}

describe('whether what is said to be shut is shut', () => {
  it('is so where all rules are in, and nothing decides before them', () => {
    assert.equal(told([service(WHOLE, WHOLE)]), 'armed true');
    assert.equal(told([service(WHOLE, WHOLE)], 'degraded'), 'degraded true');
    assert.equal(told([service(WHOLE, WHOLE)], 'tripped'), 'tripped false');
    assert.equal(told([service(WHOLE, WHOLE)], 'armed', ['open']), 'exposed false');
    assert.equal(told([service(WHOLE, WHOLE)], 'armed', ['exception', 'unknown']), 'armed true');
    assert.equal(told([]), 'armed null');
  });

  it('is not where rules are missing, or their chain is not there', () => {
    assert.equal(told([service(WHOLE, GONE)]), 'exposed false');
    assert.equal(told([service({ ...GONE, chains: true, awaits: 'mine' })]), 'exposed false');
    assert.equal(told([service({ ...GONE, chains: true, awaits: 'DOCKER-USER' })]), 'armed false');
    assert.equal(
      told([service({ ...GONE, chains: true, awaits: 'DOCKER-USER' })], 'degraded'),
      'degraded false',
    );
  });

  it('is not known where nothing tells the rules, unless something else is open', () => {
    assert.equal(told([service(WHOLE, { ...GONE, unknown: true })]), 'armed null');
    assert.equal(told([service(GONE, { ...GONE, unknown: true })]), 'exposed false');
    assert.equal(told([service({ ...WHOLE, unknown: true })]), 'armed true', 'the other table is whole');
  });

  // Red with whole tables not looked at in standingOf (run once, 2026-11-30).
  it('is so where one half of a strict gate is missing, and the other one shuts', () => {
    for (const [table, words] of [
      [
        'mangle',
        /in the table filter are missing, and are put back at the next look; the strict gate shuts meanwhile/,
      ],
      [
        'filter',
        /the strict gate of service ssh is missing, and is put back at the next look; the table filter shuts/,
      ],
    ] as const) {
      const services = [service({ ...GONE, whole: [table] })];
      assert.equal(told(services), 'armed true');
      const { meaning } = namedState('armed', { onTrial: false, services, exposures: [], held: [] });
      assert.match(meaning, words);
    }
    assert.equal(told([service({ ...GONE, whole: ['filter'] })], 'armed', ['open']), 'exposed false');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ConfigError, formatFault } from '../../../src/base/errors.js';
import type { Service } from '../../../src/firewall/model/service.js';
import { expandTemplate } from '../../../src/firewall/rules/template.js';
import { SERVICE } from '../../helpers/kernel-space.js';

describe('a template of the administrator', () => {
  const faultsOf = (text: string, service: Partial<Service> = {}): string[] => {
    try {
      expandTemplate({ file: '/t', text }, { ...SERVICE, ...service }, 4, '6/min');
      return [];
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.faults.map(formatFault);
    }
  };
  const own = (rules: string, chains = ':@SERVICE@_policy - [0:0]\n'): string =>
    `*filter\n${chains}${rules}COMMIT\n`;
  const JUMP = '-A @CHAIN@ -m comment --comment "knockctl:@SERVICE@" -j @SERVICE@_policy\n';

  it('may be as small as this', () => {
    assert.deepEqual(faultsOf(own(JUMP)), []);
  });

  const FAULTY: readonly (readonly [string, string, readonly string[]])[] = [
    ['empty', '', ['/t: a template has one table, *filter, and ends it by COMMIT']],
    ['without COMMIT', '*filter\n', ['/t:1: line 1: table filter has no COMMIT: "*filter"']],
    [
      'with a second table',
      `${own(JUMP)}*nat\nCOMMIT\n`,
      ['/t: a template has one table, *filter, and ends it by COMMIT'],
    ],
    ['of another table', '*nat\nCOMMIT\n', ['/t: a template has one table, *filter, and ends it by COMMIT']],
    [
      'without a jump',
      own(''),
      ['/t: [service.ssh] exactly one rule belongs into @CHAIN@ (INPUT); there are 0'],
    ],
    [
      'with two jumps',
      own(JUMP + JUMP),
      ['/t: [service.ssh] exactly one rule belongs into @CHAIN@ (INPUT); there are 2'],
    ],
    [
      'whose jump has lost its comment',
      own('-A @CHAIN@ -j @SERVICE@_policy\n'),
      [
        '/t: [service.ssh] the rule in @CHAIN@ must keep its comment "knockctl:@SERVICE@": -A INPUT -j ssh_policy',
      ],
    ],
    [
      'with a rule for a chain of others',
      own(`${JUMP}-A OUTPUT -j DROP\n`),
      [
        '/t: [service.ssh] a rule for OUTPUT: only own chains and @CHAIN@ (INPUT) are ever written: -A OUTPUT -j DROP',
      ],
    ],
    [
      'that makes a chain of others',
      own(JUMP, ':INPUT DROP [0:0]\n:@SERVICE@_policy - [0:0]\n'),
      ['/t: [service.ssh] chain INPUT must begin with @SERVICE@_'],
    ],
    [
      'with a chain whose name is too long',
      own(JUMP, `:@SERVICE@_policy - [0:0]\n:@SERVICE@_${'x'.repeat(25)} - [0:0]\n`),
      [`/t: [service.ssh] chain ssh_${'x'.repeat(25)} is longer than 28 characters`],
    ],
    [
      'without the policy chain',
      own(JUMP.replace('_policy', '_other'), ':@SERVICE@_other - [0:0]\n'),
      ['/t: [service.ssh] the chain @SERVICE@_policy is missing'],
    ],
    [
      'with an unknown placeholder',
      own(`${JUMP}-A @SERVICE@_policy -s @WHO@ -j DROP\n`),
      ['/t: [service.ssh] unknown placeholder @WHO@ in: -A ssh_policy -s @WHO@ -j DROP'],
    ],
    [
      'with a delete, an insert and a policy',
      own(`${JUMP}-D INPUT -j DROP\n-I @SERVICE@_policy -j DROP\n-P INPUT DROP\n`),
      [
        '/t: [service.ssh] only -A lines may stand in a template, not: -D INPUT -j DROP',
        '/t: [service.ssh] only -A lines may stand in a template, not: -I ssh_policy -j DROP',
        '/t: [service.ssh] only -A lines may stand in a template, not: -P INPUT DROP',
      ],
    ],
    [
      'with a flush of everything',
      own(`${JUMP}-F\n`),
      ['/t: [service.ssh] only -A lines may stand in a template, not: -F'],
    ],
  ];
  for (const [what, text, faults] of FAULTY) {
    it(`${what} is refused`, () => {
      assert.deepEqual(faultsOf(text), faults);
    });
  }

  it('tells all faults at once', () => {
    const text = own('-A OUTPUT -j DROP\n-A @SERVICE@_policy -s @WHO@\n', ':x - [0:0]\n');
    assert.equal(faultsOf(text).length >= 4, true);
  });

  it('keeps @…@ in comments as it is', () => {
    assert.deepEqual(faultsOf(`# @LOG@ @NOTHING@\n${own(JUMP)}`), []);
  });
});

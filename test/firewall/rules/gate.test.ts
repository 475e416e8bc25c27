import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ConfigError } from '../../../src/base/errors.js';
import { expandGate, gatesIn } from '../../../src/firewall/rules/gate.js';
import { concerns } from '../../../src/firewall/rules/nft-changes.js';
import { planApply, planRemove } from '../../../src/firewall/rules/plan.js';
import type { Service } from '../../../src/firewall/model/service.js';
import { expandTemplate, type DesiredService } from '../../../src/firewall/rules/template.js';
import { trialRules } from '../../../src/firewall/trial/trial-rules.js';
import { parse } from '../../../src/iptables-parser/parse.js';
import { SERVICE } from '../../helpers/kernel-space.js';
import { shippedTemplate } from '../../helpers/template.js';

const SHIPPED = shippedTemplate();
const STRICT: Service = { ...SERVICE, gate: 'strict' };

function gate(service: Service, log: string | undefined = '6/min'): DesiredService {
  return expandGate(SHIPPED, service, 4, log);
}

function faultsOf(text: string): string {
  try {
    expandGate({ ...SHIPPED, gate: { file: '/g', text } }, STRICT, 4, '6/min');
    return '';
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults.map(({ file, message }) => `${file}: ${message}`).join('\n');
  }
}

describe('the template of a gate', () => {
  it('asks in the order of the contract, and accepts nobody', () => {
    assert.deepEqual(gate(STRICT), {
      service: 'ssh',
      table: 'mangle',
      jumps: [
        {
          chain: 'INPUT',
          rule: '! -i lo -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 22 -m comment --comment "knockctl:ssh" -j ssh_gate',
        },
        {
          chain: 'INPUT',
          rule: '! -i lo -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 22 -m comment --comment "knockctl:hidden:ssh" -j ssh_gate.stray',
        },
      ],
      chains: new Map([
        [
          'ssh_gate',
          [
            '-m set --match-set ssh_banned4 src -j DROP',
            '-m set --match-set ssh_trusted4 src -j RETURN',
            '-m set --match-set ssh_granted4 src -j RETURN',
            '-m set --match-set ssh_filter4 src -j RETURN',
            '-m set --match-set ssh_decoyed4 src -j DROP',
            '-m set ! --match-set ssh_alive dst -j RETURN',
            '-m limit --limit 6/min -j LOG --log-prefix "[knockctl,drop] "',
            '-j DROP',
          ],
        ],
        ['ssh_gate.head', []],
        ['ssh_gate.hide', ['! -p tcp -j RETURN', '-j DROP']],
        ['ssh_gate.join', ['-m socket -j RETURN']],
        ['ssh_gate.stray', ['-m socket -j RETURN', '-j ssh_gate']],
      ]),
    });
  });

  it('has no rule for the switch under hold, and returns under flush as well', () => {
    const rules = (onFailure: Service['onFailure']): string =>
      [...gate({ ...STRICT, onFailure }).chains.values()].flat().join('\n');
    assert.doesNotMatch(rules('hold'), /alive/);
    assert.match(rules('flush'), /ssh_alive dst -j RETURN/);
    for (const onFailure of ['restore', 'flush', 'hold'] as const)
      assert.doesNotMatch(rules(onFailure), /ACCEPT/);
  });

  it('stands in FORWARD for what is forwarded, and nowhere for a chain of others', () => {
    const chainOf = (chain: string): unknown => gate({ ...STRICT, chain }).jumps[0]?.chain;
    assert.equal(chainOf('FORWARD'), 'FORWARD');
    assert.equal(chainOf('DOCKER-USER'), 'FORWARD');
    assert.throws(() => chainOf('mine'), /gate = strict: not for the chain mine/);
  });

  it('of an administrator is told what is wrong with it', () => {
    const text = SHIPPED.gate?.text ?? '';
    assert.equal(faultsOf(text), '');
    assert.match(faultsOf(text.replace('*mangle', '*filter')), /\/g: a template has one table, \*mangle/);
    assert.match(
      faultsOf(text.replaceAll('@SERVICE@_gate', '@SERVICE@_door')),
      /must begin with @SERVICE@_gate[^]*@SERVICE@_gate is missing/,
    );
    assert.match(
      faultsOf(text.replace('--comment "knockctl:@SERVICE@"', '--comment "x"')),
      /must keep its comment/,
    );
    const more = text
      .replace(':@SERVICE@_gate - [0:0]', ':@SERVICE@_gate - [0:0]\n:@SERVICE@_gate.log - [0:0]')
      .replace(
        '-A @SERVICE@_gate -j DROP',
        '-A @SERVICE@_gate -j @SERVICE@_gate.log\n-A @SERVICE@_gate.log -j DROP',
      );
    assert.equal(faultsOf(more), '');
  });
});

describe('plans of two tables', () => {
  const both = [expandTemplate(SHIPPED, STRICT, 4, '6/min'), gate(STRICT)];
  const save = (table: string, extra = ''): string => `*${table}\n:INPUT ACCEPT [0:0]\n${extra}COMMIT\n`;
  const options = { jump: true, hook: 'last', same: () => false } as const;

  it('have each table’s own rules alone', () => {
    const filter = planApply(both, parse(save('filter')), options);
    assert.match(filter.text, /^\*filter\n/);
    assert.doesNotMatch(filter.text, /gate/);
    const mangle = planApply(both, parse(save('mangle')), { ...options, table: 'mangle' });
    assert.match(mangle.text, /^\*mangle\n:ssh_gate - /);
    assert.doesNotMatch(mangle.text, /policy/);
    assert.match(mangle.changes.join(), /the jump to ssh_gate was missing/);
  });

  it('find what is left of gates by its names alone, and of no other service', () => {
    const chains = ['ssh_gate', 'ssh_gate.new', 'ssh_gate_gate', 'ssh_gateway', 'mine'];
    const text = save('mangle', chains.map((chain) => `:${chain} - [0:0]\n`).join(''));
    const table = parse(text).entries.find((entry) => entry.kind === 'table');
    assert.deepEqual(
      gatesIn(table, ['ssh', 'ssh_gate']).map(({ service, chains: left }) => [service, [...left.keys()]]),
      [
        ['ssh', ['ssh_gate', 'ssh_gate.new']],
        ['ssh_gate', ['ssh_gate_gate']],
      ],
    );
    const removal = planRemove(gatesIn(table, ['ssh']), parse(text), 'mangle');
    assert.equal(
      removal.text,
      '*mangle\n-F ssh_gate\n-F ssh_gate.new\n-X ssh_gate\n-X ssh_gate.new\nCOMMIT\n',
    );
  });

  it('put a gate on trial by the set of the trial, and so one that is to go', () => {
    const policy = both.slice(0, 1);
    const comes = trialRules(policy, both, 'ssh_trial').filter(({ table }) => table === 'mangle');
    assert.match(
      comes[0]?.jumps.map(({ rule }) => rule).join('\n') ?? '',
      /^! -i lo [^!\n]* --match-set ssh_trial dst -j ssh_gate\.new$/m,
    );
    assert.match([...(comes[0]?.chains.values() ?? [])].flat().join('\n'), /ssh\.new_trusted4/);
    const goes = trialRules(both, policy, 'ssh_trial').filter(({ table }) => table === 'mangle');
    assert.match(
      goes[0]?.jumps.map(({ rule }) => rule).join('\n') ?? '',
      / ! --match-set ssh_trial dst -j ssh_gate$/m,
    );
  });
});

describe('changes that nft’s monitor tells of', () => {
  const watched = { own: new Set(['ssh_gate']), hooks: new Set(['INPUT']) };
  const both = { ...watched, tables: new Set(['filter', 'mangle']) };
  const lines = [
    'delete rule ip mangle INPUT handle 7',
    'add rule ip6 mangle ssh_gate return',
    'delete table ip mangle',
  ];
  for (const line of lines) {
    it(`concern us where a gate is: ${line}`, () => {
      assert.equal(concerns(line, both), true);
      assert.equal(concerns(line, watched), false, 'and not where none is');
      assert.equal(concerns(line.replace('mangle', 'nat'), both), false);
    });
  }
});

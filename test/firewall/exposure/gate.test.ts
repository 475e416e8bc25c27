/** What rules of others mean beside a second gate: only what passes both tables is open. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Assessed } from '../../../src/firewall/exposure/assessed.js';
import type { Exposure } from '../../../src/firewall/exposure/assess.js';
import type { Service } from '../../../src/firewall/model/service.js';
import { parse } from '../../../src/iptables-parser/parse.js';
import type { Door } from '../../../src/knock/door.js';

const SSH: Service = {
  ...{ name: 'ssh', protocol: 'tcp', ports: [22], addresses: [], chain: 'INPUT' },
  ...{ onFailure: 'hold', gate: 'strict' },
};
const NEW = '! -i lo -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 22';
const JUMP = `-A INPUT ${NEW} -m comment --comment "knockctl:ssh" -j ssh_policy`;
const GATE = `-A INPUT ${NEW} -m comment --comment "knockctl:ssh" -j ssh_gate`;
const DOORS = '-A INPUT -m comment --comment "knockctl:knock.doors" -j knock.doors';
const ALL = '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT';
const LAN = '-A INPUT -s 192.168.0.0/16 -j ACCEPT';

function table(name: string, chains: readonly string[], rules: readonly string[]): string {
  const lines = ['INPUT ACCEPT', 'FORWARD ACCEPT', 'OUTPUT ACCEPT', ...chains.map((chain) => `${chain} -`)];
  return [`*${name}`, ...lines.map((line) => `:${line} [0:0]`), ...rules, 'COMMIT', ''].join('\n');
}

function judged(
  filter: readonly string[],
  mangle: readonly string[],
  given: { readonly service?: Partial<Service>; readonly doors?: readonly Door[] } = {},
): readonly Exposure[] {
  const assessed = new Assessed();
  const own = ['ssh_policy', 'knock.doors'];
  assessed.see(4, parse(table('filter', own, filter)), undefined);
  assessed.seeGates(4, parse(table('mangle', ['ssh_gate', 'knock.doors'], mangle)), undefined);
  return assessed.exposures({
    services: [{ ...SSH, ...given.service }],
    ...{ backend: 'nft', instances: ['knock'], hook: 'first', families: [4] },
    doors: () => given.doors ?? [],
  });
}

function short(exposures: readonly Exposure[]): string[] {
  return exposures.map(({ kind, table: name, sources }) => `${kind} ${name} ${sources}`);
}

describe('rules before ours, beside a strict gate', () => {
  // With assess not told of the table mangle (run once, 2026-11-30): red, all are "open", or "exception".
  it('open nothing, and are notes', () => {
    for (const rule of [ALL, '-A INPUT -j ACCEPT', '-A INPUT -m conntrack --ctstate NEW -j ACCEPT'])
      assert.deepEqual(short(judged([rule, JUMP], [GATE])), ['note filter everybody'], rule);
    const [one] = judged([LAN, JUMP], [GATE]);
    assert.equal(one?.kind, 'note');
    assert.match(one.text, /rule 1 of INPUT .* would let in 192.168.0.0\/16 .* has no effect: gate = strict/);
    assert.equal(one.fix, null);
  });

  it('with no jump of ours in filter at all: a port that is shut all the same', () => {
    assert.deepEqual(short(judged([], [GATE])), ['note filter everybody']);
  });

  it('are what they were with a normal gate, or while the gate is not in', () => {
    assert.deepEqual(short(judged([ALL, JUMP], [])), ['open filter everybody']);
    assert.deepEqual(short(judged([ALL, JUMP], [GATE], { service: { gate: 'normal' } })), [
      'open filter everybody',
    ]);
  });

  it('open what a rule of mangle lets get round the gate, and no more', () => {
    assert.deepEqual(short(judged([JUMP], [ALL, GATE])), ['note mangle everybody']);
    assert.deepEqual(short(judged([ALL, JUMP], [ALL, GATE])), [
      'open filter everybody',
      'note mangle everybody',
    ]);
    assert.deepEqual(short(judged([ALL, JUMP], [LAN, GATE])), [
      'exception filter 192.168.0.0/16',
      'note mangle 192.168.0.0/16',
    ]);
    assert.deepEqual(short(judged([ALL, JUMP], ['-A INPUT -m bpf --bytecode "1,6 0 0 0" -j ACCEPT', GATE])), [
      'unknown filter everybody',
      'note mangle everybody',
    ]);
    const [, around] = judged([ALL, JUMP], [ALL, GATE]);
    assert.match(around?.fix ?? '', /^iptables-nft -t mangle -D INPUT -p tcp -m tcp --dport 22 -j ACCEPT;/);
  });

  it('that keep out everybody do so, whatever the gate says', () => {
    assert.deepEqual(short(judged(['-A INPUT -p tcp -j DROP', JUMP], [GATE])), ['refused filter everybody']);
  });

  it('keep knocks from doors that stand in mangle', () => {
    const doors: Door[] = [
      {
        ...{ id: 0, name: 'open', sequence: [{ port: 7000, protocol: 'tcp' }], windowMs: 5_000 },
        ...{ flags: { mask: 0, value: 0 }, target: undefined },
      },
    ];
    const drop = '-A INPUT -p tcp -m tcp --dport 7000 -j DROP';
    assert.deepEqual(short(judged([drop, JUMP], [DOORS, GATE], { doors })), []);
    const [kept] = judged([JUMP], [drop, DOORS, GATE], { doors });
    assert.equal(kept?.kind, 'knock');
    assert.match(kept.text, /^IPv4: in table mangle, rule 1 of INPUT/);
    assert.match(kept.fix ?? '', /^iptables-nft -t mangle -D INPUT/);
  });
});

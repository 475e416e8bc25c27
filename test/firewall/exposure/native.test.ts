import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Family } from '../../../src/base/address.js';
import { assessNative, readNative } from '../../../src/firewall/exposure/native.js';
import type { Service } from '../../../src/firewall/model/service.js';
import { parse } from '../../../src/iptables-parser/parse.js';
import { findTable } from '../../../src/iptables-parser/query.js';
import type { Door } from '../../../src/knock/door.js';

const SSH: Service = {
  name: 'ssh',
  protocol: 'tcp',
  ports: [22],
  addresses: [],
  chain: 'INPUT',
  onFailure: 'hold',
};
const KNOCK = { name: 'open', sequence: [{ port: 7000, protocol: 'tcp' }] } as unknown as Door;
const FILTER = [
  '*filter',
  ':INPUT ACCEPT [0:0]',
  ':ssh_policy - [0:0]',
  '-A INPUT -p udp -m conntrack --ctstate NEW -m multiport --dports 5353 -m comment --comment "knockctl:ssh" -j ssh_policy',
  '-A ssh_policy -j DROP',
  'COMMIT',
  '',
].join('\n');

type Json = Readonly<Record<string, unknown>>;

/** As nft 1.0.6 prints them (recorded from `nft -j list ruleset`). */
const payload = (protocol: string, field: string): Json => ({ payload: { protocol, field } });
const match = (left: Json, right: unknown, op = '=='): Json => ({ match: { op, left, right } });
const PORT = match(payload('tcp', 'dport'), 22);
const from = (prefix: string, len: number, op = '=='): Json =>
  match(payload('ip', 'saddr'), { prefix: { addr: prefix, len } }, op);
const DROP: Json = { drop: null };
const dnat = { dnat: { family: 'ip', addr: '10.0.0.1', port: 2222 } };

interface Given {
  readonly type?: string;
  readonly hook?: string;
  readonly prio?: number;
  readonly policy?: string;
  readonly family?: Family;
  readonly service?: Partial<Service>;
  readonly table?: Json;
  readonly sub?: readonly Json[];
  readonly knocks?: true;
}

/** What is told of one chain with these rules, each a list of statements: `open everybody`. */
function told(rules: readonly (readonly Json[])[], given: Given = {}): string[] {
  return exposures(rules, given).map(({ kind, sources }) => `${kind} ${sources}`);
}

function exposures(rules: readonly (readonly Json[])[], given: Given): ReturnType<typeof assessNative> {
  const { type = 'filter', hook = 'input', prio = 0, policy = 'accept', family = 4, service = {} } = given;
  const at = { family: 'inet', table: 'mine' };
  const json = JSON.stringify({
    nftables: [
      { metainfo: {} },
      { table: { family: 'inet', name: 'mine', ...given.table } },
      { chain: { ...at, name: 'base', handle: 1, type, hook, prio, policy } },
      { chain: { ...at, name: 'sub', handle: 2 } },
      ...rules.map((expr, index) => ({ rule: { ...at, chain: 'base', handle: index + 5, expr } })),
      { rule: { ...at, chain: 'sub', handle: 90, expr: given.sub ?? [] } },
    ],
  });
  const text = 'table inet mine {\n\tchain base { # handle 1\n\t\ttcp dport 22 drop # handle 5\n\t}\n}\n';
  const ruleset = parse(FILTER);
  assert.ok(findTable(ruleset, 'filter'));
  return assessNative(
    readNative(json, text, () => false),
    [{ backend: 'nft', family, ruleset }],
    {
      services: given.knocks === true ? [] : [{ ...SSH, ...service }],
      instances: ['knock'],
      backend: 'nft',
      families: [family],
      doors: () => (given.knocks === true ? [KNOCK] : []),
    },
  );
}

const NAT: Given = { type: 'nat', hook: 'prerouting', prio: -100 };

describe('native nft chains: sent on', () => {
  it('by dnat and redirect, past our jump', () => {
    assert.deepEqual(told([[PORT, dnat]], NAT), ['open everybody']);
    assert.deepEqual(told([[PORT, { redirect: { port: 2222 } }]], NAT), ['open everybody']);
    assert.deepEqual(
      told([[match(payload('tcp', 'dport'), { set: [22, { range: [80, 90] }] }), dnat]], NAT),
      ['open everybody'],
    );
    const [one] = exposures([[PORT, dnat]], NAT);
    assert.match(
      one?.text ?? '',
      /^IPv4: in table inet mine of nft, the rule with handle 5 of chain base \(tcp dport 22 drop\) sends what everybody sends to tcp port 22 on to 10\.0\.0\.1:2222, past our jump$/,
    );
    assert.equal(one?.fix, 'nft delete rule inet mine base handle 5, and where it is loaded from');
  });

  it('not to itself, nor for another port, family or protocol', () => {
    assert.deepEqual(told([[PORT, { redirect: null }]], NAT), []);
    assert.deepEqual(told([[match(payload('tcp', 'dport'), 23), dnat]], NAT), []);
    assert.deepEqual(told([[match(payload('udp', 'dport'), 22), dnat]], NAT), []);
    assert.deepEqual(told([[from('0.0.0.0', 0), PORT, dnat]], { ...NAT, family: 6 }), []);
    assert.deepEqual(told([[match({ meta: { key: 'iifname' } }, 'lo'), PORT, dnat]], NAT), []);
    assert.deepEqual(told([[PORT, dnat]], { ...NAT, table: { flags: 'dormant' } }), []);
  });

  it('for some sources is an exception; what cannot be judged is unknown', () => {
    assert.deepEqual(told([[from('10.1.0.0', 16), PORT, dnat]], NAT), ['exception 10.1.0.0/16']);
    assert.deepEqual(told([[from('10.1.0.0', 16, '!='), PORT, dnat]], NAT), [
      'open everybody but 10.1.0.0/16',
    ]);
    assert.deepEqual(told([[match({ xt: null }, 1), PORT, dnat]], NAT), ['unknown everybody']);
    assert.deepEqual(told([[PORT, { xt: { type: 'target', name: 'DNAT' } }]], NAT), ['unknown everybody']);
    assert.deepEqual(told([[match(payload('tcp', 'dport'), '@ports'), dnat]], NAT), ['unknown everybody']);
    assert.match(
      told([[match(payload('ip', 'saddr'), '@lan'), PORT, dnat]], NAT)[0] ?? '',
      /^exception members of the set lan of nft/,
    );
  });

  it('behind a jump, a map of verdicts, a return', () => {
    assert.deepEqual(told([[{ jump: { target: 'sub' } }]], { ...NAT, sub: [PORT, dnat] }), [
      'open everybody',
    ]);
    const vmap = (verdict: Json): Json => ({
      vmap: {
        key: payload('tcp', 'dport'),
        data: {
          set: [
            [80, DROP],
            [22, verdict],
          ],
        },
      },
    });
    assert.deepEqual(told([[vmap({ goto: { target: 'sub' } })]], { ...NAT, sub: [dnat] }), [
      'open everybody',
    ]);
    assert.deepEqual(told([[PORT, { return: null }], [dnat]], NAT), []);
    assert.deepEqual(told([[PORT, { accept: null }], [dnat]], NAT), []);
  });
});

describe('native nft chains: not tracked', () => {
  const RAW: Given = { hook: 'prerouting', prio: -300, service: { protocol: 'udp', ports: [5353] } };
  const rule = [match(payload('udp', 'dport'), 5353), { notrack: null }];

  it('hides a UDP service, if it comes before the tracking', () => {
    assert.deepEqual(told([rule], RAW), ['open everybody']);
    assert.deepEqual(told([rule], { ...RAW, prio: -150 }), []);
    assert.deepEqual(told([[from('10.0.0.1', 32), ...rule]], RAW), ['exception 10.0.0.1']);
  });
});

describe('native nft chains: dropped', () => {
  it('by a rule, or by a policy with no rule that accepts', () => {
    assert.deepEqual(told([[PORT, DROP]]), ['refused everybody']);
    assert.deepEqual(told([[PORT, { reject: null }]], { hook: 'prerouting', prio: -300 }), [
      'refused everybody',
    ]);
    assert.deepEqual(told([], { policy: 'drop' }), ['refused everybody']);
    assert.deepEqual(told([[PORT, { accept: null }]], { policy: 'drop' }), []);
    assert.deepEqual(
      told([[match({ ct: { key: 'state' } }, ['established', 'related'], 'in'), { accept: null }]], {
        policy: 'drop',
      }),
      ['refused everybody'],
    );
    const [policy] = exposures([], { policy: 'drop' });
    assert.match(policy?.fix ?? '', /^nft insert rule inet mine base tcp dport 22 accept, /);
  });

  it('by flags: a new connection has SYN alone', () => {
    const flags = (right: unknown, op = '=='): Json =>
      match({ '&': [payload('tcp', 'flags'), ['fin', 'syn', 'rst', 'ack']] }, right, op);
    assert.deepEqual(told([[flags('syn'), PORT, DROP]]), ['refused everybody']);
    assert.deepEqual(told([[flags('syn', '!='), PORT, DROP]]), []);
  });

  it('is told of nobody who is few, of chance, or of what cannot be judged', () => {
    assert.deepEqual(told([[from('10.0.0.0', 16), PORT, DROP]]), []);
    assert.deepEqual(told([[PORT, { limit: { rate: 5, per: 'minute' } }, DROP]]), []);
    assert.deepEqual(told([[match({ meta: { key: 'mark' } }, 1), PORT, DROP]]), []);
    assert.deepEqual(told([[PORT, DROP]], { hook: 'forward' }), []);
    assert.deepEqual(told([[PORT, DROP]], { hook: 'forward', service: { chain: 'FORWARD' } }), [
      'refused everybody',
    ]);
  });

  it('of knocks: in front of our doors, or perhaps', () => {
    const knock = match(payload('tcp', 'dport'), { set: [7000, 8000] });
    const text = (given: Given): string =>
      exposures([[knock, DROP]], { ...given, knocks: true })
        .map((one) => `${one.kind}: ${one.text}`)
        .join();
    assert.match(
      text({ hook: 'prerouting', prio: -300 }),
      /^knock: .* keeps packets to 7000 from the kernel's part of door open/,
    );
    assert.match(text({ prio: 0 }), /may keep packets to 7000/);
    assert.equal(text({ prio: 10 }), '');
  });
});

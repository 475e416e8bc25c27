/** Tables of nft as nft prints them, made by nft itself in a namespace. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import {
  mayAccept,
  readNft,
  refusesRest,
  tablesAtHooks,
  type Hook,
  type NftTable,
} from '../../../src/doctor/facts/nft-table.js';
import { assessNative, readNative } from '../../../src/firewall/exposure/native.js';
import { KernelSpace, SERVICE } from '../../helpers/kernel-space.js';
import { facts, told } from '../made-up.js';

const SSH = { protocol: 'tcp', port: 22 } as const;
const DROPS = 'type filter hook input priority 0; policy drop;';

/** Rules of a chain that drops, and whether a new connection to port 22 may be accepted by them. */
const CASES: readonly (readonly [rules: string, accepts: boolean])[] = [
  ['tcp dport 22 accept', true],
  ['tcp dport 80 accept', false],
  ['udp dport 22 accept', false],
  ['th dport 22 accept', true],
  ['tcp dport { 80, 20-25 } accept', true],
  ['tcp dport 23-25 accept', false],
  ['tcp dport != 22 accept', false],
  ['tcp dport != 80 accept', true],
  ['tcp dport @open accept', true],
  ['tcp dport @few accept', false],
  ['tcp dport vmap { 22 : accept }', true],
  ['tcp dport vmap { 22 : drop, 80 : accept }', false],
  ['tcp dport vmap @verdicts', true],
  ['tcp dport 22 drop', false],
  ['tcp dport 22 counter log accept comment "ours"', true],
  ['ct state { new, untracked } tcp dport 22 accept', true],
  ['ct state established,related accept', false],
  ['ct state vmap { established : accept, related : accept, invalid : drop }', false],
  ['ct status dnat accept', false],
  ['iifname "lo" accept', false],
  ['iif "lo" accept', false],
  ['iifname vmap { "lo" : accept }', false],
  ['iifname != "lo" accept', true],
  ['iifname "wg0" accept', true],
  ['iifname != "wg0" accept', true],
  ['icmp type echo-request accept', false],
  ['meta l4proto { icmp, ipv6-icmp } accept', false],
  ['meta l4proto { tcp, udp } th dport 53 accept', false],
  ['ip protocol udp accept', false],
  ['ip saddr 192.0.2.0/24 accept', true],
  ['meta l4proto . th dport { tcp . 22 } accept', true],
  ['accept', true],
];

/** The shape of firewalld's table: policies that accept, and a rejection behind the zones. */
const firewalld = (allowed: string): string => `table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_INPUT_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_INPUT_ZONES {
    goto filter_IN_public
  }
  chain filter_IN_public {
    jump filter_IN_public_allow
    meta l4proto { icmp, ipv6-icmp } accept
    reject with icmpx admin-prohibited
  }
  chain filter_IN_public_allow {
    ${allowed}
  }
}`;

/** It lets in some, and the policy keeps out everybody else. */
function isForSome(rule: string): boolean {
  return /saddr|wg0/.test(rule);
}

describe('tables of nft', () => {
  let space: KernelSpace;
  before(() => {
    space = new KernelSpace();
  });
  after(async () => space[Symbol.asyncDispose]());

  /** Loads a ruleset, and reads it back as the doctor does. */
  async function load(ruleset: string): Promise<NftTable[]> {
    await space.must('nft -f -', `flush ruleset\n${ruleset}\n`);
    const names = tablesAtHooks(readNft(await space.must('nft -j list chains')));
    return Promise.all(
      names.map(async ({ family, name }) => ({
        family,
        name,
        items: readNft(await space.must(`nft -j list table ${family} ${name}`)),
      })),
    );
  }

  /** Whom status tells to be kept out of port 22, by what nft prints now. */
  async function refusals(): Promise<string[]> {
    const [json, text] = [
      await space.must('nft -j -t list ruleset'),
      await space.must('nft -a -t list ruleset'),
    ];
    const setting = {
      services: [SERVICE],
      instances: [],
      backend: 'nft',
      families: [4],
      doors: () => [],
    } as const;
    const found = assessNative(
      readNative(json, text, () => false),
      [],
      setting,
    );
    return found.filter(({ kind }) => kind === 'refused').map(({ text: what }) => what);
  }

  for (const [rule, accepts] of CASES) {
    it(`${rule}: ${accepts ? 'may let somebody in' : 'lets nobody in'}`, async () => {
      const [table] = await load(`table inet t {
        set open { type inet_service; flags interval; elements = { 20-25, 80 } }
        set few { type inet_service; elements = { 80 } }
        map verdicts { type inet_service : verdict; elements = { 22 : accept } }
        chain input { ${DROPS}\n ${rule}\n }
      }`);
      assert.ok(table !== undefined);
      assert.equal(refusesRest(table, 'input'), true);
      assert.equal(refusesRest(table, 'forward'), false);
      assert.equal(mayAccept(table, SSH), accepts, JSON.stringify(table.items));
      // What status says of it: that everybody is kept out, or all but a few. Elements of sets are not read.
      const refused = await refusals();
      if (!rule.includes('@')) assert.equal(refused.length > 0, !accepts || isForSome(rule), refused.join());
    });
  }

  it('those of iptables are not among them; what nft made beside them is', async () => {
    await space.must('nft flush ruleset');
    await space.must('iptables-nft -P INPUT DROP');
    assert.deepEqual(tablesAtHooks(readNft(await space.must('nft -j list chains'))), []);
    const [table] = await load(`table ip filter {
 chain input { ${DROPS} }
 }`);
    assert.deepEqual([table?.family, table?.name], ['ip', 'filter']);
  });

  it('what refuses the rest: a policy, or the last rule, at that hook', async () => {
    const refuses = async (chain: string, hook: Hook = 'input'): Promise<boolean | undefined> => {
      const [table] = await load(`table inet t {\n chain c { ${chain}\n }\n }`);
      return table && refusesRest(table, hook);
    };
    const accepts = DROPS.replace('drop', 'accept');
    assert.equal(await refuses(`${accepts}\n tcp dport 22 accept`), false);
    assert.equal(await refuses(`${accepts}\n tcp dport 22 accept\n counter log reject`), true);
    assert.equal(await refuses(`${accepts}\n tcp dport 22 accept\n tcp dport 80 drop`), false);
    assert.equal(await refuses(DROPS.replace('input', 'forward'), 'forward'), true);
    assert.equal(await refuses(DROPS.replace('input', 'output')), undefined);
  });

  it('firewalld that allows ssh is no alarm, and one that does not is', async () => {
    const allows = await load(firewalld('tcp dport 22 accept'));
    assert.match(
      told({ nftTables: allows }).join('\n'),
      /^note: .* inet firewalld .* may accept tcp port 22/,
    );
    const [danger] = told({ nftTables: await load(firewalld('tcp dport 80 accept')) });
    assert.match(danger ?? '', /^danger: .* inet firewalld .* firewall-cmd --permanent --add-port=22\/tcp/);
  });

  it('is about the hook of a service’s chain, and about families that are protected', async () => {
    const nftTables = await load(`table ip6 t {\n chain c { ${DROPS} }\n }`);
    const levels = (conf: string): string[] =>
      told({ conf: `${conf}[service.ssh]\non_failure = hold\n`, nftTables })
        .filter((line) => line.includes('of nft refuses'))
        .map((line) => line.split(':')[0] ?? '');
    assert.deepEqual(levels(''), ['danger']);
    assert.deepEqual(levels('[firewall]\nfamilies = ipv4\n'), []);
    assert.deepEqual(facts().nftTables, []);
    const forward = { conf: '[service.ssh]\non_failure = hold\nchain = FORWARD\n', nftTables };
    assert.doesNotMatch(told(forward).join('\n'), /of nft refuses/);
  });
});

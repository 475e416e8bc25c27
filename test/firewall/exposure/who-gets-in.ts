/**
 * Who gets in, by what the module says and by real packets, with rules of others at random. Seen red with: a goto that
 * comes back behind itself (10 of 180 tries), negations of addresses passed over (7 of 300), states that do not matter
 * (15 of 300), interfaces that do not matter (all).
 */
import assert from 'node:assert/strict';

import { addressBytes, parseNetwork, type Family } from '../../../src/base/address.js';
import { assess, oursAmong, type Exposure } from '../../../src/firewall/exposure/assess.js';
import { holds } from '../../../src/firewall/exposure/box.js';
import { waysTo, type End } from '../../../src/firewall/exposure/judge.js';
import type { Outcome } from '../../../src/firewall/exposure/walk.js';
import type { Service } from '../../../src/firewall/model/service.js';
import { parse } from '../../../src/iptables-parser/parse.js';
import type { Ruleset } from '../../../src/iptables-parser/document.js';
import { Dice } from '../../differential/dice.js';
import { ADDRESS, createLab, PEER, type Backend, type Lab, type Place } from '../../helpers/lab.js';
import { ip } from '../../helpers/namespaces.js';
import { MORE, randomTable } from './random-rules.js';

const SERVICE: Service = {
  name: 'ssh',
  protocol: 'tcp',
  ports: [22],
  addresses: [],
  chain: 'INPUT',
  onFailure: 'hold',
};
const JUMP =
  '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 22 -m comment --comment "knockctl:ssh" -j ssh_policy';

/** One connection that is tried. */
interface Try {
  readonly from: 'client' | 'client2';
  readonly source: string;
  readonly sourcePort: number;
  readonly to: string;
}

/** `wrong`: what was said is not what happened; `unknown`: it was said to be unknown. */
export interface Count {
  cases: number;
  tries: number;
  unknown: number;
  open: number;
  wrong: string[];
}

/** As many random tables in one lab as asked for, from `seed` on. */
export async function compare(backend: Backend, family: Family, cases: number, seed: number): Promise<Count> {
  await using lab = await createLab({ backend });
  await lab.tcpEcho('server', 22);
  const prefix = family === 4 ? '24' : '64 nodad';
  const [length, ...options] = prefix.split(' ');
  for (const address of MORE[family])
    ip(['-n', lab.namespace.client, 'addr', 'add', `${address}/${length ?? ''}`, 'dev', 'eth0', ...options]);
  if (family === 6) await knowNeighbours(lab);
  const count: Count = { cases: 0, tries: 0, unknown: 0, open: 0, wrong: [] };
  for (let n = 0; n < cases; n += 1) await oneTable(lab, family, seed + n, count);
  return count;
}

/** Rules of INPUT drop the questions for neighbours as well, and nothing would come to the port at all. */
async function knowNeighbours(lab: Lab): Promise<void> {
  const links = [
    ['client', 'eth0', 'eth0', ADDRESS.server[6], [ADDRESS.client[6], ...MORE[6]]],
    ['client2', 'eth0', 'eth1', ADDRESS.server2[6], [ADDRESS.client2[6]]],
  ] as const;
  const hardware = async (place: Place, device: string): Promise<string> =>
    /ether (\S+)/.exec(
      (await lab.exec(place, ['/usr/sbin/ip', 'link', 'show', 'dev', device])).stdout,
    )?.[1] ?? '';
  const know = (place: Place, device: string, address: string, lladdr: string): void => {
    const words = ['neigh', 'replace', address, 'lladdr', lladdr, 'dev', device, 'nud', 'permanent'];
    ip(['-n', lab.namespace[place], ...words]);
  };
  for (const [client, own, device, server, addresses] of links) {
    know(client, own, server, await hardware('server', device));
    for (const address of addresses) know('server', device, address, await hardware(client, own));
  }
}

function triesOf(family: Family): Try[] {
  const first = [ADDRESS.client[family], ...MORE[family]];
  const from = (source: string, sourcePort: number): Try => ({
    from: 'client',
    source,
    sourcePort,
    to: ADDRESS.server[family],
  });
  return [
    ...first.map((source) => from(source, 0)),
    from(ADDRESS.client[family], 53),
    { ...from(ADDRESS.client[family], 0), to: ADDRESS.server2[family] },
    { ...from(ADDRESS.client2[family], 0), from: 'client2' },
  ];
}

async function oneTable(lab: Lab, family: Family, seed: number, count: Count): Promise<void> {
  const dice = new Dice(seed);
  const text = randomTable((below) => dice.number(below), family, JUMP);
  const tool = `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${lab.backend}-restore`;
  const loaded = await lab.exec('server', [tool, '-w', '20'], { input: text });
  assert.equal(loaded.exitCode, 0, `${loaded.stderr}${text}`);
  const ruleset = parse(await lab.save('server', family));
  const tries = triesOf(family);
  const got = await reach(lab, tries, 150);
  const said = tries.map((one) => saying(ruleset, family, one));
  // Silence may be a busy machine: whoever is said to get in is given the time that it takes.
  const late = tries.filter((_, index) => said[index] === 'in' && got[index] === false);
  const again = late.length === 0 ? [] : await reach(lab, late, 10_000);
  late.forEach((one, index) => {
    got[tries.indexOf(one)] = again[index] === true;
  });
  count.cases += 1;
  const told = assess(ruleset, {
    services: [SERVICE],
    family,
    backend: lab.backend,
    instances: [],
    hook: 'first',
  });
  tries.forEach((one, index) => {
    const [is, saying] = [got[index] === true, said[index]];
    count.tries += 1;
    if (is) count.open += 1;
    if (saying === 'unknown') count.unknown += 1;
    else if ((saying === 'in') !== is || !isTold(told, is))
      count.wrong.push(
        `seed ${seed}: ${one.source} port ${one.sourcePort} to ${one.to}: said ${saying ?? ''}, was ${is ? 'in' : 'out'}\n${text}`,
      );
  });
}

/** Where somebody gets in past our jump, status has a line for it. */
function isTold(told: readonly Exposure[], isIn: boolean): boolean {
  return !isIn || told.some(({ kind }) => kind === 'open' || kind === 'exception' || kind === 'unknown');
}

/** What the ways say of one packet. */
function saying(ruleset: Ruleset, family: Family, one: Try): 'in' | 'out' | 'unknown' {
  const packet = {
    source: numberOf(one.source),
    destination: numberOf(one.to),
    sourcePort: BigInt(one.sourcePort === 0 ? 40_000 : one.sourcePort),
    interface: one.from === 'client' ? 'eth0' : 'eth1',
  };
  const ways = waysTo(SERVICE, family, ruleset, oursAmong([SERVICE], []));
  const ends = ways.flatMap(({ outcomes }) => outcomes).filter(({ box }) => holds(box, packet));
  const isSure = ({ end, box }: Outcome<End>): boolean => end !== 'unknown' && box.certainty === 'sure';
  const [first] = ends;
  if (first === undefined || !ends.every(isSure)) return 'unknown';
  assert.equal(new Set(ends.map(({ end }) => end)).size, 1, 'boxes do not overlap');
  return first.end === 'accept' ? 'in' : 'out';
}

async function reach(lab: Lab, tries: readonly Try[], timeoutMs: number): Promise<boolean[]> {
  const results = new Map<Try, boolean>();
  await Promise.all(
    (['client', 'client2'] as const).map(async (from) => {
      const own = tries.filter((one) => one.from === from);
      if (own.length === 0) return;
      const words = own.flatMap(({ source, sourcePort, to }) => [source, String(sourcePort), to, '22']);
      const done = await lab.exec(from, [PEER, 'reach', String(timeoutMs), ...words]);
      assert.equal(done.exitCode, 0, done.stderr);
      own.forEach((one, index) => results.set(one, done.stdout[index] === '1'));
    }),
  );
  return tries.map((one) => results.get(one) === true);
}

function numberOf(address: string): bigint {
  const parsed = parseNetwork(address);
  assert.ok(parsed.ok);
  return addressBytes(parsed.value).reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

/** Each said and done the same; unknown in no more than one of twenty; and the sample has both in it. */
export function judge({ cases, tries, unknown, open, wrong }: Count, asked: number): void {
  assert.deepEqual(wrong, [], `${wrong.length} of ${tries}`);
  assert.equal(cases, asked);
  assert.ok(unknown * 20 <= tries, `unknown: ${unknown} of ${tries}`);
  assert.ok(open * 10 > tries && open * 10 < tries * 9, `in: ${open} of ${tries}`);
}

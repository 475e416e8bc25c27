/** A lab with the product in it, and packets that hide what they are sent against it. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

import { FAMILIES, type Family } from '../../src/base/address.js';
import { ADDRESS, createLab, type Backend, type Lab, type Place } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { conf, DOORS } from './setting.js';

const SENDER = fileURLToPath(new URL('../../../test/helpers/hidden-packets.py', import.meta.url));
const PORT = 22;
/** Protected by nothing, behind the same rules. */
const OPEN_PORT = 80;
const SEND_MS = 180_000;
/** Without our rules so many are answered at least: else nothing is shown. */
const SHARE = 0.1;
/** Told by what fails; HIDDEN_SEED repeats it. */
export const SEED = Number(process.env['HIDDEN_SEED'] ?? Math.floor(Math.random() * 1e6));

export const WHERE = ['INPUT', 'FORWARD'] as const;
export const NEIGHBOURS = ['none', 'conntrack', 'no tracking'] as const;

/** Where the service is, and what else is on the host. */
export interface Case {
  readonly backend: Backend;
  readonly chain: (typeof WHERE)[number];
  readonly neighbours: (typeof NEIGHBOURS)[number];
  /** With `gate = strict`, and a rule in front of ours in the table filter that accepts all. */
  readonly isStrict?: boolean;
}

export interface Sent {
  readonly answered: readonly { readonly port: number; readonly how: string }[];
  readonly sent: number;
  readonly open: boolean;
}

/** Rules of others: connection tracking, with what they accept; or a raw table that keeps packets from the reassembly. */
async function neighbour(lab: Lab, which: Case['neighbours']): Promise<void> {
  if (which === 'conntrack') {
    for (const family of FAMILIES) {
      for (const chain of WHERE) {
        const established = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';
        await lab.iptables('server', family, ['-A', chain, ...established.split(' ')]);
        await lab.iptables('server', family, ['-A', chain, '-p', 'tcp', '--dport', '443', '-j', 'ACCEPT']);
      }
    }
  } else if (which === 'no tracking') {
    const chain = '{ type filter hook prerouting priority -450; }';
    const lines = ['ip', 'ip6'].flatMap((name) => [
      `add table ${name} early`,
      `add chain ${name} early pre ${chain}`,
      `add rule ${name} early pre notrack`,
    ]);
    const done = await lab.exec('server', ['/usr/sbin/nft', '-f', '-'], { input: `${lines.join('\n')}\n` });
    assert.equal(done.exitCode, 0, done.stderr);
  }
}

export interface HiddenLab extends AsyncDisposable {
  readonly lab: Lab;
  readonly product: Product;
  /** Where the service is. */
  readonly to: Readonly<Record<Family, string>>;
}

/** The lab of a case, nothing started. */
export async function hiddenLab(one: Case): Promise<HiddenLab> {
  const lab = await createLab({ backend: one.backend });
  const isBehind = one.chain === 'FORWARD';
  const to = isBehind ? ADDRESS.client2 : ADDRESS.server;
  if (isBehind) {
    await must(lab, 'server', 'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1');
    await must(lab, 'client', `ip route replace ${to[4]}/32 via ${ADDRESS.server[4]}`);
    await must(lab, 'client', `ip -6 route replace ${to[6]}/128 via ${ADDRESS.server[6]}`);
  }
  for (const port of [PORT, OPEN_PORT]) await lab.tcpEcho(isBehind ? 'client2' : 'server', port);
  await neighbour(lab, one.neighbours);
  const product = new Product(lab, {
    conf: conf(one.backend, {
      service: `chain = ${one.chain}\non_failure = hold${one.isStrict === true ? '\ngate = strict' : ''}`,
    }),
    doors: DOORS,
  });
  return { lab, product, to, [Symbol.asyncDispose]: async () => lab.dispose() };
}

/** Sends attempts at a port, all different, by a seed; with one kind, all of that. */
export async function sendHidden(
  lab: Lab,
  to: string,
  { count, seed, port = PORT, kind }: { count: number; seed: number; port?: number; kind?: string },
): Promise<Sent> {
  const family = to.includes(':') ? 6 : 4;
  const words = ['eth0', ADDRESS.server[family], ADDRESS.client[family], to, port, OPEN_PORT, count, seed];
  const argv = ['/usr/bin/python3', SENDER, ...words.map(String), ...(kind === undefined ? [] : [kind])];
  const done = await lab.exec('client', argv, { timeoutMs: SEND_MS });
  assert.equal(done.exitCode, 0, done.stderr);
  const sent: unknown = JSON.parse(done.stdout);
  assert.ok(isSent(sent), done.stdout);
  assert.ok(sent.open, `the open port does not answer: seed ${seed}`);
  return sent;
}

/** All that the sets hold, without the time that is left. */
export async function setsOf(lab: Lab): Promise<string> {
  const { stdout } = await lab.exec('server', ['/usr/sbin/ipset', 'save']);
  const lasting = stdout.split('\n').filter((line) => !line.startsWith('add ssh_alive '));
  return lasting.map((line) => line.replace(/ timeout \d+$/, '')).join('\n');
}

/**
 * Sends so many in each family, as often as `rounds` says: none is answered, none changes a set, and who is accepted gets
 * in. With nothing of ours running it is the same.
 */
export async function checkHidden(one: Case, count: number, rounds: number): Promise<void> {
  await using stage = await hiddenLab(one);
  const { lab, product, to } = stage;
  const told = (family: Family, seed: number): string => `${JSON.stringify(one)}, IPv${family}, seed ${seed}`;
  const refused = async (family: Family, seed: number): Promise<void> => {
    const { answered } = await sendHidden(lab, to[family], { count, seed });
    assert.deepEqual(answered, [], told(family, seed));
  };
  for (const family of FAMILIES) {
    const { answered } = await sendHidden(lab, to[family], { count, seed: SEED });
    assert.ok(answered.length >= count * SHARE, `${told(family, SEED)}: only ${answered.length}`);
  }
  await product.start();
  if (one.isStrict === true)
    for (const family of FAMILIES) await lab.iptables('server', family, ['-I', one.chain, '-j', 'ACCEPT']);
  for (const family of FAMILIES) {
    const before = await setsOf(lab);
    for (let round = 1; round <= rounds; round += 1) await refused(family, SEED + round);
    assert.equal(await setsOf(lab), before, told(family, SEED));
    await product.must('accept', ADDRESS.client[family]);
    assert.equal(await lab.canConnect('client', to[family], 22), true, 'who is accepted gets in');
    await product.must('flush', 'filter');
  }
  await product.kill('supervisor');
  for (const family of FAMILIES) await refused(family, SEED + rounds + 1);
}

async function must(lab: Lab, place: Place, line: string): Promise<void> {
  const [program = '', ...words] = line.split(' ');
  const done = await lab.exec(place, [`/usr/sbin/${program}`, ...words]);
  assert.equal(done.exitCode, 0, done.stderr);
}

function isSent(value: unknown): value is Sent {
  return typeof value === 'object' && value !== null && 'answered' in value && Array.isArray(value.answered);
}

/**
 * Rules that iptables-save does not tell: one rule of nft in its table, a reader that fails or hangs. Nothing is repaired from that, the
 * port stays shut, `status` says how it is, and `stop` takes everything out.
 *
 * What 2a294dc did, as a public report had it: a jump more with each beat, contested, open; `stop` said "stopped" and left all of them; status 69.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Family } from '../../src/base/address.js';
import { ADDRESS, type Lab } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import type { Product } from '../helpers/product.js';
import { waitFor } from '../helpers/wait.js';
import { replaced } from './replaced.js';
import { BACKENDS, FAMILIES, getsIn, ssh, stage } from './setting.js';

const NFT = '/usr/sbin/nft';
/** Reports 01 and 02: the first is taken for an empty table with exit status 0, at the second iptables-nft-save ends with 3. */
const RULES = [
  { chain: 'FORWARD', text: 'ct state established,related accept' },
  { chain: 'INPUT', text: 'ct state established,related accept' },
  { chain: 'INPUT', text: 'meta mark set 0x1234' },
] as const;

async function must(lab: Lab, ...argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.exec('server', argv);
  assert.equal(exitCode, 0, `${argv.join(' ')}: ${stderr}`);
  return stdout;
}

async function put(lab: Lab, { chain, text }: (typeof RULES)[number]): Promise<void> {
  for (const protocol of ['ip', 'ip6']) {
    await must(lab, NFT, 'add', 'chain', protocol, 'filter', chain, hook(chain));
    await must(lab, NFT, 'insert', 'rule', protocol, 'filter', chain, ...text.split(' '));
  }
}

function hook(chain: string): string {
  return `{ type filter hook ${chain.toLowerCase()} priority 0 ; policy accept ; }`;
}

/** Jumps of ours, by nft: iptables does not tell. */
async function jumpsByNft(lab: Lab, family: Family): Promise<number> {
  const text = await must(lab, NFT, 'list', 'table', family === 4 ? 'ip' : 'ip6', 'filter');
  return text.split('\n').filter((line) => /jump ssh_policy\b/.test(line)).length;
}

async function isShut(lab: Lab, when: string): Promise<void> {
  for (const family of FAMILIES) {
    assert.equal(await getsIn(lab, 'client', family), false, `${when}: shut over IPv${family}`);
    assert.equal(await jumpsByNft(lab, family), 1, `${when}: one jump, IPv${family}`);
  }
}

/** A look at the rules has been made since: it tells what it cannot read. */
async function untilTold(product: Product): Promise<void> {
  await product.waitForLog(/IPv4: rules of others cannot be read/);
  await product.waitForLog(/IPv6: rules of others cannot be read/);
}

async function isTold(product: Product): Promise<void> {
  const status = await product.ctl(['status']);
  assert.equal(status.exitCode, 150, status.stdout);
  assert.match(status.stdout, /^knockctl is armed/);
  assert.match(status.stdout, /IPv4 in force, IPv6 in force; switch fed/);
  assert.match(status.stdout, /unread +IPv4: \/usr\/sbin\/iptables-nft-save: .+ knockctl doctor names/);
}

/** Nothing that a start or a restart says of itself has happened. */
async function saysNothingFalse(product: Product): Promise<void> {
  for (const { kind, text } of await product.events()) {
    assert.doesNotMatch(
      text,
      /was missing|times, or changed|no rules of ours are in force|contested/,
      `${kind}: ${text}`,
    );
    assert.notEqual(kind, 'repair', text);
  }
}

async function isStopped(lab: Lab, product: Product): Promise<void> {
  const stopped = await product.ctl(['stop'], { timeoutMs: 100_000 });
  assert.equal(stopped.exitCode, 0, stopped.stderr + stopped.stdout);
  assert.doesNotMatch(await must(lab, NFT, 'list', 'ruleset'), /ssh_|knock\./);
  assert.equal((await must(lab, '/usr/sbin/ipset', 'list', '-n')).trim(), '');
  for (const family of FAMILIES) assert.equal(await getsIn(lab, 'client', family), true);
  assert.equal((await product.ctl(['status'])).exitCode, 3);
}

describe('a rule of nft in iptables’ own table', { concurrency: 2 }, () => {
  for (const rule of RULES) {
    it(`while it runs: ${rule.text} in ${rule.chain}`, async () => {
      await using at = await stage('nft');
      const { lab, product } = at;
      await product.start();
      await put(lab, rule);
      await untilTold(product);
      await isShut(lab, 'beside it');
      await isTold(product);
      await product.must('restart');
      await isShut(lab, 'after a restart');
      await isTold(product);
      await saysNothingFalse(product);
      const doctor = await product.ctl(['doctor']);
      assert.match(doctor.stdout, new RegExp(`ip filter ${rule.chain}\\): ${rule.text.slice(0, 8)}`));
      const check = await product.ctl(['check']);
      const fix = new RegExp(`nft delete rule ip filter ${rule.chain} handle (\\d+)`).exec(check.stderr);
      assert.ok(fix?.[1], check.stderr);
      await isStopped(lab, product);
      await must(lab, NFT, 'delete', 'rule', 'ip', 'filter', rule.chain, 'handle', fix[1]);
    });
  }
  for (const rule of inTurns([RULES.slice(0, 2), RULES.slice(2)]).flat()) {
    it(`before the start: ${rule.text} in ${rule.chain}`, async () => {
      await using at = await stage('nft');
      const { lab, product } = at;
      await put(lab, rule);
      const before = await must(lab, NFT, '-s', 'list', 'ruleset');
      await product.start();
      await isShut(lab, 'started beside it');
      await isTold(product);
      await saysNothingFalse(product);
      // Without a supervisor the command takes it out itself.
      await product.kill('supervisor');
      await isStopped(lab, product);
      assert.equal(await must(lab, NFT, '-s', 'list', 'ruleset'), before);
    });
  }

  it('a table that is dormant: not armed, and told', async () => {
    await using at = await stage('nft');
    const { lab, product } = at;
    await product.start();
    await must(lab, NFT, 'add', 'table', 'ip', 'filter', '{ flags dormant ; }');
    // A save of it is perfect; no packet passes it.
    await product.waitForState('tripped');
    const status = await product.ctl(['status']);
    assert.equal(status.exitCode, 150);
    assert.match(status.stdout, /table ip filter is dormant.*nft add table ip filter activates it/);
    await must(lab, NFT, 'add', 'table', 'ip', 'filter');
    await product.waitForState('armed');
    await isShut(lab, 'awake again');
    await isStopped(lab, product);
  });
});

const FAKES = {
  'prints nothing': '#!/bin/sh\nexit 0\n',
  'is cut short': '#!/bin/sh\nprintf "*filter\\n:INPUT ACCEPT [0:0]\\n"\n',
  'says that it cannot tell': '#!/bin/sh\necho "# La table est incompatible"\n',
  fails: '#!/bin/sh\necho "iptables: out of memory" >&2\nexit 4\n',
  'is killed': '#!/bin/sh\nkill -9 $$\n',
  hangs: '#!/bin/sh\nexec sleep 600\n',
} as const;

// They wait for most of their time.
describe('iptables, as the supervisor has it', { concurrency: 2 }, () => {
  const fakes = Object.entries(FAKES);
  for (const [what, text] of inTurns([fakes.slice(0, 3), fakes.slice(3)]).flat()) {
    for (const backend of inTurns(BACKENDS))
      it(`${what} (${backend})`, async () => {
        await using at = await stage(backend, { conf: ssh(backend) });
        const { lab, product } = at;
        await product.start();
        const restore = await replaced(lab, product, `/usr/sbin/xtables-${backend}-multi`, text);
        // A change of somebody else, so that the rules have to be looked at.
        await must(
          lab,
          `/usr/sbin/iptables-${backend}`,
          '-w',
          '20',
          '-A',
          'FORWARD',
          '-m',
          'mark',
          '--mark',
          '9',
          '-j',
          'ACCEPT',
        );
        const changed = async (): Promise<boolean> => (await product.ctl(['status'])).exitCode === 150;
        await waitFor(changed, 'status to say that the rules are not read');
        const { state, services } = await product.status();
        if (backend === 'nft') {
          assert.equal(state, 'armed', 'known whole by nft, so fed on');
          for (const family of FAMILIES) assert.equal(await getsIn(lab, 'client', family), false);
        } else {
          assert.ok(
            services[0]?.rules.every(({ unknown }) => unknown === true),
            JSON.stringify(services),
          );
          const stopped = await product.ctl(['stop'], { timeoutMs: 100_000 });
          assert.equal(stopped.exitCode, 69, stopped.stdout);
          assert.match(stopped.stderr, /knockctl's rules are still in the firewall, IPv4: .*cannot be read/);
        }
        if (backend === 'legacy') await restore();
        const stopped = await product.ctl(['stop'], { timeoutMs: 100_000 });
        assert.equal(stopped.exitCode, 0, stopped.stderr);
        for (const family of FAMILIES) {
          assert.doesNotMatch(await lab.save('server', family), /ssh_/);
          assert.equal(await getsIn(lab, 'client', family), true);
        }
      });
  }
});

/** Of one family alone the programs fail. */
const IPV6_FAILS = `#!/bin/bash
case "$0" in *ip6tables*) echo 'ip6tables: out of memory' >&2; exit 4 ;; esac
exec -a "$0" @REAL@ "$@"
`;

for (const backend of inTurns(BACKENDS)) {
  it(`ip6tables alone fails (${backend}): IPv4 is repaired as ever, and IPv6 is told`, async () => {
    await using at = await stage(backend, { conf: ssh(backend) });
    const { lab, product } = at;
    await product.start();
    const restore = await replaced(lab, product, `/usr/sbin/xtables-${backend}-multi`, IPV6_FAILS);
    await must(lab, `/usr/sbin/iptables-${backend}`, '-w', '20', '-F', 'INPUT');
    const isBack = async (): Promise<boolean> =>
      (await lab.iptables('server', 4, ['-S', 'INPUT'])).includes('-j ssh_policy');
    await waitFor(isBack, 'the jump of IPv4 to be put back');
    const isTold = async (): Promise<boolean> => (await product.ctl(['status'])).exitCode === 150;
    await waitFor(isTold, 'status to say that IPv6 is not read');
    const { services } = await product.status();
    const [four, six] = [4, 6].map((family) => services[0]?.rules.find((one) => one.family === family));
    assert.deepEqual([four?.chains, four?.jump, four?.unread], [true, true, undefined]);
    assert.match(six?.unread ?? '', /ip6tables/);
    if (backend === 'legacy') {
      const refused = await product.ctl(['stop'], { timeoutMs: 100_000 });
      assert.equal(refused.exitCode, 69, refused.stdout);
      assert.equal(await getsIn(lab, 'client', 4), true, 'what can be taken out is');
      await restore();
    }
    const stopped = await product.ctl(['stop'], { timeoutMs: 100_000 });
    assert.equal(stopped.exitCode, 0, stopped.stderr);
    for (const family of FAMILIES) assert.doesNotMatch(await lab.save('server', family), /ssh_/);
  });
}

it('a reload, and a trial, beside a rule of nft that iptables cannot read', async () => {
  await using at = await stage('nft');
  const { lab, product } = at;
  await lab.tcpEcho('server', 2223);
  const gets = async (port: number): Promise<boolean> =>
    lab.canConnect('client', ADDRESS.server[4], port, 400);
  const ports = (list: string): void => {
    product.configure(ssh('nft').replace('ports = 2222', `ports = ${list}`));
  };
  await product.start();
  await put(lab, RULES[1]);
  await untilTold(product);
  assert.equal(await gets(2223), true);
  ports('2222, 2223');
  await product.must('reload');
  assert.equal(await gets(2223), false, 'reloaded');
  ports('2222');
  await product.must('reload', '--trial', '60');
  assert.equal(await gets(2223), true, 'on trial');
  await product.must('confirm');
  ports('2222, 2223');
  await product.must('reload', '--trial', '5');
  await waitFor(async () => gets(2223), 'the kernel to go back');
  await waitFor(async () => (await product.status()).trial === null, 'the trial to be over');
  await isShut(lab, 'after all of it');
  await isStopped(lab, product);
});

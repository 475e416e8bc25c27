/** Rows 7 and 8: the listener has been taken over by whoever sent it packets. */
import assert from 'node:assert/strict';

import { readIfExists } from '../../../src/system/files.js';
import { kernel, residentKb, ssh } from '../../e2e-faults/setting.js';
import { Rogue } from '../rogue.js';
import type { Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../../helpers/promise.js';

const say = (message: unknown): string => JSON.stringify(`${JSON.stringify(message)}\n`);
/** So many messages at once, without an end. */
const flood = (message: unknown): string =>
  `const many = ${say(message)}.repeat(2000); const go = () => channel.write(many, go); go(); setInterval(go, 1);`;

/** What a listener that was taken over may say, and what the log must say of it. */
const LIES: readonly (readonly [string, RegExp])[] = [
  [
    "const { randomBytes } = require('node:crypto'); setInterval(() => channel.write(randomBytes(1000)), 1);",
    /listener lost: message (?:is not JSON|longer than)/,
  ],
  [flood({ type: 'beat', packets: 1 }), /listener lost: flooded the supervisor with messages/],
  [
    "setInterval(() => channel.write('x'.repeat(1_000_000)), 1);",
    /listener lost: message longer than 2048 bytes/,
  ],
  [
    `channel.write(${say({ type: 'knock', door: 0, address: '1.1.1.1\nflush x' })});`,
    /listener lost: .*malformed/,
  ],
  [
    `channel.write(${say({ type: 'order', verb: 'accept', address: '6.6.6.6' })});`,
    /listener lost: .*malformed/,
  ],
  [`channel.write('['.repeat(2000) + '\\n');`, /listener lost: message is not JSON/],
];

/** Before a listener is known to hear, no knock of it is believed; nor is one of a door that does not exist. */
const KNOCKS_FIRST = `channel.write(${say({ type: 'ready', interfaces: ['any'] })} + ${say({ type: 'knock', door: 0, address: '6.6.6.6' })});
setTimeout(() => process.exit(7), 300);`;

// With neither malformed messages nor floods punished (run once, 2026-11-21): red.
const lies: Row = {
  number: 7,
  fault: 'listener sends garbage, floods, or oversize frames',
  promise: 'rejected, killed; supervisor’s memory flat; no rule changed',
  unstarted: true,
  conf: (backend) => ssh(backend).replace('listener_timeout = 2', 'listener_timeout = 2\nmax_restarts = 100'),
  run: async (scene) => {
    const { lab, product } = scene;
    const rogue = new Rogue(scene);
    await rogue.ctl('start');
    await scene.isArmed();
    const held = await kernel(lab);
    let mostKb = 0;
    const one = Math.floor(scene.random() * 3);
    const chosen = scene.full ? LIES : [...LIES.slice(one, one + 1), ...LIES.slice(3 + one, 4 + one)];
    for (const [code, words] of [...chosen, [KNOCKS_FIRST, /listener lost: exited with status 7/] as const]) {
      const pid = scene.supervisor;
      const beforeKb = residentKb(pid);
      await dies(scene, rogue, code, words);
      mostKb = Math.max(mostKb, residentKb(pid) - beforeKb);
      assert.equal(await kernel(lab), held, 'something was changed');
      assert.deepEqual(await product.addresses('filter'), [], 'somebody was let in');
      rogue.sound();
      await rogue.ctl('restart'); // the waits between restarts begin anew
      await scene.isArmed(held);
    }
    // A heap that has not been collected yet is not a leak: the soak looks for those.
    assert.ok(mostKb < 48 * 1024, `the supervisor grew by ${mostKb} kB`);
    await scene.doorWorks();
    return { words: `${chosen.length + 1} lies, grown by ≤ ${(mostKb / 1024).toFixed(0)} MB` };
  },
};

/** The next listener is that program; it must be gone in a moment, with these words in the log. */
async function dies({ product }: Scene, rogue: Rogue, code: string, words: RegExp): Promise<void> {
  const before = product.log().length;
  rogue.becomes(code);
  await product.kill('listener');
  const endMs = nowMs() + 10_000;
  const said = (): boolean =>
    product
      .log()
      .slice(before)
      .some((line) => words.test(line));
  while (!said()) {
    assert.ok(nowMs() < endMs, `${String(words)} is not in:\n${product.log().slice(before).join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** As soon as root is given up, tries all that root may do; the supervisor logs what it says when it ends. */
const TRIES = `
const { spawnSync } = require('node:child_process');
const { writeSync } = require('node:fs');
const deeds = (backend) => [
  ['ipset', 'flush', 'ssh_filter4'], ['ipset', 'add', 'ssh_filter4', '6.6.6.6'],
  ['iptables-' + backend, '-F'], ['ip6tables-' + backend, '-F', 'ssh_policy'], ['nft', 'flush', 'ruleset'],
];
const timer = setInterval(() => {
  if (process.getuid() === 0) return;
  clearInterval(timer);
  const done = deeds('BACKEND').map(([tool, ...args]) => {
    const { status, stderr } = spawnSync('/usr/sbin/' + tool, args);
    return tool[0] + tool.at(-1) + status + (/permi|root/i.test(String(stderr)) ? 'P' : '?');
  });
  let root = 'no';
  try { process.setuid(0); root = 'ROOT'; } catch (error) { root = error.code; }
  try { process.kill(process.ppid, 0); root += ' kills'; } catch (error) { root += ' ' + error.code; }
  writeSync(2, 'tried ' + done.join(' ') + ' ' + root);
  process.exit(9);
}, 20);
`;

// With a listener that keeps root (run once, 2026-11-21): red.
const attacks: Row = {
  number: 8,
  fault: 'listener process tries ipset, iptables and nft itself',
  promise: 'EPERM',
  families: 'one',
  unstarted: true,
  run: async (scene) => {
    const { lab, product, backend } = scene;
    const rogue = new Rogue(scene);
    await rogue.ctl('start');
    await scene.isArmed();
    const status = readIfExists(`/proc/${product.identity('listener')?.pid ?? 0}/status`) ?? '';
    for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
      assert.match(status, new RegExp(`${name}:\t0{16}\n`));
    assert.match(status, /NoNewPrivs:\t1\n/);
    assert.doesNotMatch(status, /^[UG]id:.*\t0(?:\t|$)/m);
    const held = await kernel(lab);
    rogue.adds(TRIES.replace('BACKEND', backend));
    await product.kill('listener');
    await product.waitForLog(/listener lost: .*tried /);
    const said = product.log().find((line) => line.includes('tried ')) ?? '';
    assert.match(said, /tried (?:i[ty]\dP ){4}nt\dP EPERM EPERM/, said);
    assert.equal(await kernel(lab), held, 'something was changed');
    rogue.sound();
    await scene.isArmed(held);
    return { words: 'five tools, setuid(0), kill: all refused' };
  },
};

export const TAKEN_OVER_ROWS: readonly Row[] = [lies, attacks];

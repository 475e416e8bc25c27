/** Row 23: words that are no addresses. */
import assert from 'node:assert/strict';

import { ADDRESS } from '../../helpers/lab.js';
import { kernel } from '../../e2e-faults/setting.js';
import type { Row } from '../row.js';
import type { Scene } from '../scene.js';

const WORDS = ['localhost', 'example.org', '1.1.1.1\nflush x', 'fe80::1%eth0', '-j'];
const VERBS = ['accept', 'drop', 'flush', 'trust', 'untrust'] as const;
/** Only trust takes a host name. */
const takes = (verb: string, word: string): boolean => /^(?:un)?trust$/.test(verb) && /^[a-z.]+$/.test(word);

/** Counts what goes to port 53, wherever it is. */
async function watchQueries({ lab }: Scene): Promise<void> {
  for (const family of [4, 6] as const)
    for (const protocol of ['udp', 'tcp'])
      await lab.iptables('server', family, ['-A', 'OUTPUT', '-p', protocol, '--dport', '53']);
  // A way out, so that queries would be sent at all.
  for (const family of [4, 6] as const)
    await lab.exec('server', ['/usr/sbin/ip', 'route', 'add', 'default', 'via', ADDRESS.client[family]]);
}

async function queries({ lab }: Scene): Promise<number> {
  let count = 0;
  for (const family of [4, 6] as const) {
    const text = await lab.iptables('server', family, ['-L', 'OUTPUT', '-v', '-x', '-n']);
    for (const line of text.split('\n').filter((one) => one.includes('dpt:53')))
      count += Number(line.trim().split(/\s+/)[0]);
  }
  return count;
}

// With the first line, or what is before the zone, taken; with refused words looked up (each run once, 2026-11-21): red.
const refused: Row = {
  number: 23,
  fault: '`accept localhost`, `1.1.1.1\\nflush x`, `fe80::1%eth0`, `-j`',
  promise: 'refused: no DNS, no injected command',
  families: 'one',
  prepare: watchQueries,
  run: async (scene) => {
    const { lab, product } = scene;
    await product.must('accept', '192.0.2.1', '2001:db8::1');
    await product.must('drop', '192.0.2.2');
    const held = await kernel(lab);
    let count = 0;
    for (const running of [true, false]) {
      // Without a supervisor, the command line acts on the kernel itself.
      if (!running) await product.kill('supervisor');
      for (const verb of scene.full ? VERBS : VERBS.slice(0, 3)) {
        const words = WORDS.filter((word) => !takes(verb, word));
        await Promise.all(words.map(async (word) => isRefused(scene, verb, word)));
        count += words.length;
      }
      assert.equal(await kernel(lab), held, 'something was changed');
    }
    assert.equal(await queries(scene), 0, 'somebody was asked for a name');
    return { words: `${count} refusals, no query` };
  },
};

async function isRefused({ product }: Scene, verb: string, word: string): Promise<void> {
  const plain = await product.ctl([verb, '--', word]);
  assert.equal(plain.exitCode, 1, `${verb} ${word}: ${plain.stdout}${plain.stderr}`);
  assert.match(plain.stderr, /nothing was changed/);
  if (word.startsWith('-')) assert.equal((await product.ctl([verb, word])).exitCode, 64);
}

export const INPUT_ROWS: readonly Row[] = [refused];

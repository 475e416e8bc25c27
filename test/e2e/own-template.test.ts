/**
 * A template of an administrator's own, as that of the version before: without the lines for packets that rules cannot read.
 * `check` and `doctor` tell it; and each of the lines is needed, for without it such packets are answered.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import type { Product } from '../helpers/product.js';
import { ADDRESS } from '../helpers/lab.js';
import { shippedTemplate } from '../helpers/template.js';
import { conf } from './setting.js';
import { hiddenLab, SEED, sendHidden, type Case } from './hidden-packets.js';

const SHIPPED = shippedTemplate().text;

/** The shipped template without the lines that have one of these words. */
function without(...words: readonly string[]): string {
  const lines = SHIPPED.split('\n').filter(
    (line) => line.startsWith('#') || !words.some((word) => line.includes(word)),
  );
  return lines.join('\n');
}

function use({ paths }: Product, template: string): void {
  mkdirSync(paths.rules, { recursive: true });
  writeFileSync(`${paths.rules}/service.rules`, template);
}

interface Lack extends Omit<Case, 'backend' | 'neighbours'> {
  readonly words: readonly string[];
  readonly family: 4 | 6;
  readonly kind: string;
  readonly neighbours?: Case['neighbours'];
  readonly told: RegExp;
}

const LACKS: readonly Lack[] = [
  {
    words: ['@REASSEMBLE@', '@KNOWN@', '@FRAGMENT@'],
    chain: 'INPUT',
    family: 6,
    kind: 'fragments',
    told: /-m socket/,
  },
  {
    words: ['@REASSEMBLE@', '@KNOWN@', '@FRAGMENT@'],
    chain: 'FORWARD',
    family: 4,
    kind: 'fragments',
    told: /-m socket/,
  },
  { words: ['@FRAGMENT@'], chain: 'FORWARD', family: 6, kind: 'nested', told: /@FRAGMENT@/ },
  {
    ...{ words: ['@FRAGMENT@'], chain: 'INPUT', family: 6, kind: 'fragments', told: /@FRAGMENT@/ },
    neighbours: 'no tracking',
  },
  { words: ['@MISREAD@', '@HEADERS@'], chain: 'INPUT', family: 6, kind: 'misread', told: /@MISREAD@/ },
];

for (const { words, chain, family, kind, neighbours = 'none', told } of LACKS) {
  test(`without ${words.join(' and ')}: told, and ${kind} get in (${chain}, IPv${family}, ${neighbours})`, async () => {
    await using stage = await hiddenLab({ backend: 'nft', chain, neighbours });
    const { lab, product, to } = stage;
    use(product, without(...words));
    const checked = await product.ctl(['check']);
    assert.equal(checked.exitCode, 0, checked.stderr);
    assert.match(checked.stderr, told);
    assert.match((await product.ctl(['doctor'])).stdout, told);
    await product.start();
    const { answered } = await sendHidden(lab, to[family], { count: 200, seed: SEED, kind });
    assert.ok(answered.length > 0, `seed ${SEED}`);
    use(product, SHIPPED);
    assert.doesNotMatch((await product.ctl(['check'])).stderr, /service\.rules/);
    await product.must('reload');
    const again = await sendHidden(lab, to[family], { count: 200, seed: SEED + 1, kind });
    assert.deepEqual(again.answered, [], `seed ${SEED} + 1`);
  });
}

// The other address is a way to the protected one, where the administrator lets such headers be followed.
test('a routing header to the protected address: told without @ROUTED@, and dropped with it', async () => {
  await using stage = await hiddenLab({ backend: 'nft', chain: 'INPUT', neighbours: 'none' });
  const { lab, product, to } = stage;
  const final = ADDRESS.server2[6];
  const words = ['all', 'eth0'].map((name) => `net.ipv6.conf.${name}.seg6_enabled=1`);
  assert.equal((await lab.exec('server', ['/usr/sbin/sysctl', '-qw', ...words])).exitCode, 0);
  product.configure(conf('nft', { service: `address = ${final}` }));
  const send = async (seed: number): Promise<number> =>
    (await sendHidden(lab, to[6], { count: 20, seed, kind: `routed:${final}` })).answered.length;
  use(product, without('@ROUTED@'));
  assert.match((await product.ctl(['check'])).stderr, /@ROUTED@/);
  await product.start();
  assert.ok((await send(SEED)) > 0, `seed ${SEED}`);
  use(product, SHIPPED);
  await product.must('reload');
  assert.equal(await send(SEED + 1), 0, `seed ${SEED} + 1`);
});

test('the jump of the version before, which filters what the host sends to itself, is told', async () => {
  await using stage = await hiddenLab({ backend: 'nft', chain: 'INPUT', neighbours: 'none' });
  use(stage.product, SHIPPED.replaceAll('@FROM@ ', ''));
  assert.match((await stage.product.ctl(['check'])).stderr, /sends to itself/);
  assert.match((await stage.product.ctl(['doctor'])).stdout, /sends to itself/);
});

/** How long a hundred thousand bans take: from a file, and at a start, beside `ipset restore` of the same entries. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { IPSET, MANY, countBans, ipset, savedBans, scattered, writeLines } from './bans.js';
import { Stand } from './stand.js';
import { median } from './statistics.js';

/** Times in microseconds, each of a whole process, in the order of the rounds. */
export interface Many {
  readonly entries: number;
  /**
   * `ipset restore` of a set as it was before the drop, and of the same entries in the order of the file. Where the set is there
   * already, and no line creates it, ipset takes twice as long.
   */
  readonly restore: readonly number[];
  /** `knockctl drop --file` */
  readonly drop: readonly number[];
  /** `knockctl start`, until armed: with nobody to put back; with the bans of the life before; with trusted addresses besides. */
  readonly start: readonly number[];
  readonly startBans: readonly number[];
  readonly startTrusted: readonly number[];
  readonly trusted: number;
  /** Median of what a start took longer with the bans than the one before it without. */
  readonly bansAdd: number;
}

const ROUNDS = 3;
const TRUSTED = 1_000;
const OTHER = 'bench_same';
/** For what goes on behind a command: the entries are written to a file. */
const SETTLE_MS = 700;

export async function measureMany(): Promise<Many> {
  await using stand = await Stand.open({ engine: 'kernel', backend: 'nft' });
  const addresses = scattered(MANY);
  const file = writeLines(stand, 'addresses', addresses);
  const times: Record<'restore' | 'drop' | 'start' | 'startBans' | 'startTrusted', number[]> = {
    restore: [],
    drop: [],
    start: [],
    startBans: [],
    startTrusted: [],
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    times.start.push(await start(stand, 0));
    await delay(SETTLE_MS);
    const [empty = ''] = (await savedBans(stand, OTHER)).split('\n');
    times.drop.push(await time(stand, stand.ctl('drop', '--file', file)));
    assert.equal(await countBans(stand), MANY);
    await delay(SETTLE_MS);
    times.restore.push(await restoreSame(stand, empty, addresses));
    times.startBans.push(await start(stand, MANY));
    trust(stand, scattered(TRUSTED, MANY));
    times.startTrusted.push(await start(stand, MANY));
    trust(stand, []);
    await stand.product.must('flush', 'banned');
  }
  const added = times.startBans.map((took, round) => took - (times.start[round] ?? NaN));
  return { entries: MANY, ...times, trusted: TRUSTED, bansAdd: median(added) };
}

/** Stops it, and starts it with what the life before has left. */
async function start(stand: Stand, bans: number): Promise<number> {
  await stand.product.stop();
  const took = await time(stand, stand.ctl('start'));
  assert.equal(await countBans(stand), bans);
  assert.equal((await stand.product.status()).state, 'armed');
  return took;
}

/** The same entries into a set as ours was when it was empty. */
async function restoreSame(stand: Stand, create: string, addresses: readonly string[]): Promise<number> {
  const [entry = ''] = (await savedBans(stand, OTHER)).split('\n').slice(1);
  const [, , , ...rest] = entry.split(' ');
  const lines = [create, ...addresses.map((address) => ['add', OTHER, address, ...rest].join(' '))];
  const took = await time(stand, [IPSET, 'restore', '-file', writeLines(stand, 'same', lines)]);
  const listed = await ipset(stand, ['list', '-t', OTHER]);
  assert.match(listed, new RegExp(`^Number of entries: ${MANY}$`, 'm'));
  await ipset(stand, ['destroy', OTHER]);
  return took;
}

async function time(stand: Stand, argv: readonly string[]): Promise<number> {
  const [[run] = []] = await stand.runs(1, argv);
  return run?.wall ?? NaN;
}

function trust(stand: Stand, addresses: readonly string[]): void {
  writeFileSync(stand.product.paths.trusted, addresses.map((address) => `${address}\n`).join(''));
}

/**
 * `npm run test:faults [-- ROW…] [--soak] [--sample] [--nft|--legacy] [--ipv4|--ipv6] [--kernel] [--seed N]`: causes every fault
 * of the table with its full counts, on both back ends and in both families, and prints the table: what was promised, what was
 * measured, and what a control process lost in the same seconds. `--sample`: each row once, with a few of its counts.
 */
import { appendFileSync } from 'node:fs';

import { BACKENDS, FAMILIES } from '../e2e-faults/setting.js';
import { Control } from '../helpers/promise.js';
import { combinationsOf, type Combination, type Row } from './row.js';
import { ROWS } from './rows/index.js';
import { runRow, type Verdict } from './runner.js';
import { samples } from './sample.js';
import { SOAK_ROW } from './soak.js';
import { line, table } from './table.js';

/** They wait for the watchdog and for heartbeats most of their time. */
const AT_ONCE = 3;

interface Job {
  readonly row: Row;
  readonly combination: Combination;
  readonly full: boolean;
}

interface Wanted {
  readonly rows: readonly Row[];
  readonly numbers: readonly number[];
  readonly full: boolean;
  readonly seed: number;
  readonly filter: (combination: Combination) => boolean;
}

function wanted(words: readonly string[]): Wanted {
  const seedAt = words.indexOf('--seed');
  const backends = BACKENDS.filter((name) => words.includes(`--${name}`));
  const families = FAMILIES.filter((family) => words.includes(`--ipv${family}`));
  return {
    numbers: words
      .filter((word, index) => /^\d+$/.test(word) && (seedAt === -1 || index !== seedAt + 1))
      .map(Number),
    rows: words.includes('--soak') ? [SOAK_ROW] : words.includes('--sample') ? [...ROWS, SOAK_ROW] : ROWS,
    full: !words.includes('--sample'),
    seed: seedAt === -1 ? Date.now() % 1_000_000 : Number(words[seedAt + 1]),
    filter: ({ backend, family, kernelDoors }) =>
      (!words.includes('--kernel') || kernelDoors === true) &&
      (backends.length === 0 || backends.includes(backend)) &&
      (families.length === 0 || families.includes(family)),
  };
}

function jobs({ rows: all, numbers, full, filter }: Wanted): Job[] {
  const isWanted = ({ number }: Row): boolean => numbers.length === 0 || numbers.includes(number);
  const rows = all.filter(isWanted);
  if (!full) {
    const few = samples(all).filter(({ row, combination }) => isWanted(row) && filter(combination));
    if (few.length > 0) return few.map((sample) => ({ ...sample, full }));
  }
  return rows.flatMap((row) => {
    const combinations = combinationsOf(row).filter(filter);
    return combinations.map((combination, index) => ({
      row,
      combination,
      full: full && (row.fullOnce !== true || index === 0),
    }));
  });
}

async function run({ row, combination, full }: Job, seed: number, control: Control): Promise<Verdict> {
  const beganMs = performance.now();
  try {
    return await runRow(row, combination, { full, seed, control });
  } catch (broken) {
    process.stdout.write(`${broken instanceof Error ? broken.message : String(broken)}\n`);
    const seconds = (performance.now() - beganMs) / 1_000;
    return { row, ...combination, measured: {}, slowestEchoMs: 0, seconds, broken };
  }
}

/** What broke, in the words that repeat it. */
function repeat({ row, backend, family, kernelDoors, broken: error }: Verdict): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  const words = [
    String(row.number),
    ...(want.full ? [] : ['--sample']),
    `--${backend}`,
    `--ipv${family}`,
    ...(kernelDoors === true ? ['--kernel'] : []),
    `--seed ${want.seed}`,
  ];
  return `FAILED row ${row.number}: ${row.fault}\n  ${first}\n  repeat: npm run test:faults -- ${words.join(' ')}\n`;
}

const want = wanted(process.argv.slice(2));
const queue = jobs(want);
const verdicts: Verdict[] = [];
const control = await Control.start();
process.stdout.write(`${queue.length} runs, seed ${want.seed}\n`);
const worker = async (): Promise<void> => {
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    const verdict = await run(job, want.seed, control);
    verdicts.push(verdict);
    process.stdout.write(line(verdict));
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, worker));
const broken = verdicts.filter((verdict) => verdict.broken !== undefined);
process.stdout.write(`\n${table(verdicts)}\n`);
const summary = broken.map(repeat).join('');
process.stdout.write(`${summary}${verdicts.length - broken.length} passed, ${broken.length} failed\n`);
const told = process.env['KNOCKCTL_FAILURES'];
if (told !== undefined && summary !== '') appendFileSync(told, summary);
process.exit(broken.length === 0 ? 0 : 1);

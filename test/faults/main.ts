/**
 * `npm run test:faults [-- ROW…] [--soak] [--sample] [--nft|--legacy] [--ipv4|--ipv6] [--kernel] [--seed N]`: causes every fault of the table
 * with its full counts, on both back ends and in both families, two at once, and prints the table.
 */
import { BACKENDS, FAMILIES } from '../e2e-faults/setting.js';
import { combinationsOf, type Combination, type Row } from './row.js';
import { ROWS } from './rows/index.js';
import { runRow, type Verdict } from './runner.js';
import { SOAK_ROW } from './soak.js';
import { line, table } from './table.js';

const AT_ONCE = 2;

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
    rows: words.includes('--soak') ? [SOAK_ROW] : ROWS,
    full: !words.includes('--sample'),
    seed: seedAt === -1 ? Date.now() % 1_000_000 : Number(words[seedAt + 1]),
    filter: ({ backend, family, kernelDoors }) =>
      (!words.includes('--kernel') || kernelDoors === true) &&
      (backends.length === 0 || backends.includes(backend)) &&
      (families.length === 0 || families.includes(family)),
  };
}

function jobs({ rows: all, numbers, full, filter }: Wanted): Job[] {
  const rows = all.filter(({ number }) => numbers.length === 0 || numbers.includes(number));
  return rows.flatMap((row) => {
    const combinations = combinationsOf(row).filter(filter);
    return combinations.map((combination, index) => ({
      row,
      combination,
      full: full && (row.fullOnce !== true || index === 0),
    }));
  });
}

async function run({ row, combination, full }: Job, seed: number): Promise<Verdict> {
  const beganMs = performance.now();
  try {
    return await runRow(row, combination, { full, seed });
  } catch (broken) {
    process.stdout.write(`${broken instanceof Error ? broken.message : String(broken)}\n`);
    const seconds = (performance.now() - beganMs) / 1_000;
    return { row, ...combination, measured: {}, slowestEchoMs: 0, seconds, slackMs: 0, broken };
  }
}

const want = wanted(process.argv.slice(2));
const queue = jobs(want);
const verdicts: Verdict[] = [];
process.stdout.write(`${queue.length} runs, seed ${want.seed}\n`);
const worker = async (): Promise<void> => {
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    const verdict = await run(job, want.seed);
    verdicts.push(verdict);
    process.stdout.write(line(verdict));
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, worker));
const broken = verdicts.filter((verdict) => verdict.broken !== undefined);
process.stdout.write(`\n${table(verdicts)}\n`);
process.stdout.write(`${verdicts.length - broken.length} promises kept, ${broken.length} broken\n`);
process.exit(broken.length === 0 ? 0 : 1);

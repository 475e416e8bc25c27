/**
 * Runs tests: `node dist/test/runner/main.js KIND [WORD…]`, KIND one of unit, kernel, all (both of them), long, whole (long
 * and kernel), host; only files with one of the words
 * in their path. What failed stands once more in the last lines, with the command that repeats it; these go, besides, to
 * the end of the file that KNOCKCTL_FAILURES names.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import type { TestEvent } from './events.js';
import { compiled, KINDS, readDurations, ROOT, testFiles, writeDurations, type Kind } from './files.js';
import { endAll, runFile, type Outcome } from './process.js';

const SEVERAL: Readonly<Record<string, readonly Kind[]>> = {
  all: ['unit', 'kernel'],
  whole: ['long', 'kernel'],
};

/** One process: a file, or several unit-test files that it imports one after the other. */
interface Job {
  readonly name: string;
  readonly file: string;
}

/** What is said at the end. */
interface Tally {
  passed: number;
  skipped: string[];
  failures: string[];
}

const CORES = availableParallelism();
/** Kernel tests wait for much of their time. */
const AT_ONCE: Readonly<Record<Kind, number>> = { unit: CORES, kernel: CORES + 2, long: CORES, host: 1 };

/** As many processes as cores: a start of Node for each of a hundred files takes longer than their tests. */
function unitJobs(sources: readonly string[]): Job[] {
  const groups = Array.from({ length: CORES }, (): string[] => []);
  const durations = readDurations();
  for (const source of longestFirst(sources, durations)) {
    const load = (group: readonly string[]): number =>
      group.reduce((sum, each) => sum + 1 + (durations[each] ?? 0), 0);
    const lightest = groups.reduce((least, group) => (load(group) < load(least) ? group : least));
    lightest.push(source);
  }
  return groups.flatMap((group, index) => {
    if (group.length === 0) return [];
    const file = join(ROOT, 'dist', `unit-tests-${index + 1}.mjs`);
    writeFileSync(file, group.map((source) => `import ${JSON.stringify(compiled(source))};\n`).join(''));
    return [{ name: `unit tests, part ${index + 1}`, file }];
  });
}

function longestFirst(sources: readonly string[], durations: Readonly<Record<string, number>>): string[] {
  const of = (source: string): number => durations[source] ?? 60_000;
  return [...sources].sort((one, other) => of(other) - of(one));
}

async function runKind(kind: Kind, words: readonly string[], tally: Tally): Promise<void> {
  const sources = testFiles(kind, words);
  const durations: Record<string, number> = {};
  const queue =
    kind === 'unit'
      ? unitJobs(sources)
      : longestFirst(sources, readDurations()).map((source) => ({ name: source, file: compiled(source) }));
  const worker = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const outcome = await runFile(job.file);
      print(kind, job, outcome, tally);
      if (kind !== 'unit') durations[job.name] = Math.round(outcome.ms);
      for (const event of kind === 'unit' ? outcome.events : []) {
        if (event.type === 'note' || event.nesting > 0) continue;
        const source = sourceOf(event.where);
        durations[source] = (durations[source] ?? 0) + event.ms;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE[kind] }, worker));
  writeDurations(durations);
}

function sourceOf(where: string): string {
  // With source maps it is the source itself.
  return where
    .slice(ROOT.length)
    .replace(/^dist\//, '')
    .replace(/:\d+$/, '')
    .replace(/\.js$/, '.ts');
}

function print(kind: Kind, job: Job, outcome: Outcome, tally: Tally): void {
  const failed = outcome.events.filter((event) => event.type === 'failed' && !isOnlyAbove(event));
  const passed = outcome.events.filter((event) => event.type === 'passed' && !event.isSuite).length;
  tally.passed += passed;
  const crashed = failed.length === 0 && outcome.exitCode !== 0;
  const verdict = failed.length > 0 || crashed ? 'FAILED' : 'ok    ';
  process.stdout.write(
    `${verdict} ${(outcome.ms / 1_000).toFixed(1).padStart(6)} s  ${job.name}: ${passed} passed\n`,
  );
  for (const event of outcome.events) {
    if (event.type === 'note') process.stdout.write(`         ${event.text}\n`);
    if (event.type === 'skipped') tally.skipped.push(`${job.name}: ${event.name}: ${event.why}`);
  }
  for (const event of failed) {
    if (event.type !== 'failed') continue;
    const source = kind === 'unit' ? sourceOf(event.where) : job.name;
    process.stdout.write(`\n--- ${source}: ${event.name}\n${event.error}\n\n`);
    tally.failures.push(
      `${source}: ${event.name}\n  ${event.error.split('\n')[0] ?? ''}\n  ${repeat(kind, source)}`,
    );
  }
  if (crashed) {
    const why = `the process ended with ${outcome.exitCode}, and no test of it failed`;
    tally.failures.push(`${job.name}: ${why}\n  ${repeat(kind, job.name)}`);
  }
  if (verdict === 'FAILED' && outcome.output !== '')
    process.stdout.write(`--- what ${job.name} printed:\n${outcome.output}\n`);
}

/** A suite fails with its tests: those are told. */
function isOnlyAbove(event: TestEvent): boolean {
  return event.type === 'failed' && /\d+ subtests? failed/.test(event.error);
}

function repeat(kind: Kind, source: string): string {
  const script = { unit: 'run test:unit', kernel: 'test', long: 'run test:long', host: 'run test:host' }[
    kind
  ];
  return `repeat: npm ${script} -- ${source.replace(/^test\//, '').replace(/\.ts$/, '')}`;
}

const [word = '', ...words] = process.argv.slice(2);
const kinds = SEVERAL[word] ?? KINDS.filter((kind) => kind === word);
if (kinds.length === 0) {
  process.stderr.write(
    `what to run is one of ${[...KINDS, ...Object.keys(SEVERAL)].join(', ')}; not «${word}»\n`,
  );
  process.exit(64);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    endAll();
    process.exit(130);
  });
}
const beganMs = performance.now();
const tally: Tally = { passed: 0, skipped: [], failures: [] };
for (const kind of kinds) await runKind(kind, words, tally);
if (tally.passed + tally.failures.length === 0)
  tally.failures.push(`no test has ${words.join(' or ')} in its path`);
for (const skipped of tally.skipped) process.stdout.write(`SKIPPED ${skipped}\n`);
const summary = tally.failures.map((failure) => `FAILED ${failure}\n`).join('');
process.stdout.write(`\n${summary}${((performance.now() - beganMs) / 1_000).toFixed(0)} s\n`);
process.stdout.write(
  `${tally.passed} passed, ${tally.failures.length} failed, ${tally.skipped.length} skipped\n`,
);
const told = process.env['KNOCKCTL_FAILURES'];
if (told !== undefined && summary !== '') appendFileSync(told, summary);
process.exit(tally.failures.length === 0 ? 0 : 1);

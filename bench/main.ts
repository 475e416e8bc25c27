import { writeFileSync } from 'node:fs';

import { measureKnockctl, measureKnockd, type Latency } from './latency.js';

/** `npm run bench`: knockctl beside the packaged knockd, in one run, on namespaces of its own. */
const RESULTS = 'bench-results.json';

function row(name: string, ours: number, theirs: number, unit: string): string {
  const cell = (value: number): string => `${value.toFixed(unit === 'ms' ? 2 : 1)} ${unit}`.padStart(12);
  return `${name.padEnd(46)}${cell(ours)}${cell(theirs)}${`${(ours / theirs).toFixed(2)}×`.padStart(10)}`;
}

function print(ours: Latency, theirs: Latency): void {
  console.log(
    `${''.padEnd(46)}${'knockctl'.padStart(12)}${'knockd 0.8'.padStart(12)}${'ratio'.padStart(10)}`,
  );
  console.log(row('last knock to first SYN let in, median', ours.medianMs, theirs.medianMs, 'ms'));
  console.log(row('last knock to first SYN let in, p99', ours.p99Ms, theirs.p99Ms, 'ms'));
  console.log(row('resident memory, all processes', ours.residentKb / 1024, theirs.residentKb / 1024, 'MB'));
  console.log(`${ours.runs} knocks each; missed: knockctl ${ours.missed}, knockd ${theirs.missed}`);
}

const theirs = await measureKnockd();
const ours = await measureKnockctl();
print(ours, theirs);
writeFileSync(RESULTS, `${JSON.stringify({ date: new Date().toISOString(), ours, theirs }, undefined, 1)}\n`);
console.log(`written to ${RESULTS}`);
process.exitCode = ours.missed === 0 ? 0 : 1;

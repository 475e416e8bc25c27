import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';

import { measureBanned } from './banned.js';
import { measureCommand } from './command.js';
import { bannedRows, commandRows, idleRows, manyRows, recognitionRows } from './cost-rows.js';
import { gateRows, measureGate } from './gate.js';
import { measureIdle } from './idle.js';
import { measureLatency, type Latency } from './latency.js';
import { measureMany } from './many.js';
import { measurePassing, type Passing } from './passing.js';
import { measureRecognition } from './recognition.js';
import { floodRows, latencyRows, passingRows } from './rows.js';
import { printTable, type Row } from './table.js';
import { measureUnderFlood, type UnderFlood } from './under-flood.js';

/**
 * `npm run bench`: knockctl beside the packaged knockd, in one run, on namespaces of its own; `npm run bench -- PART…`
 * runs parts of it.
 */
const RESULTS = 'bench-results.json';

async function latency(): Promise<Latency[]> {
  const all: Latency[] = [];
  for (const backend of ['nft', 'legacy'] as const) {
    for (const engine of ['kernel', 'listener', 'shell', 'knockd'] as const)
      all.push(await measureLatency(engine, backend));
  }
  for (const engine of ['kernel', 'knockd'] as const) all.push(await measureLatency(engine, 'nft', 6));
  // A door of ours that does not open is a fault, whatever the times are.
  if (all.some(({ engine, missed }) => engine !== 'knockd' && missed > 0)) process.exitCode = 1;
  return all;
}

async function flood(): Promise<UnderFlood[]> {
  const rates = [{ rate: 30_000 }, { rate: 100_000 }];
  return [
    // Memory first: before it, nothing has flooded these processes.
    ...(await measureUnderFlood('kernel', 'nft', [{ rest: true }, ...rates, { alive: false }])),
    ...(await measureUnderFlood('kernel', 'legacy', [{}, { alive: false }])),
    ...(await measureUnderFlood('listener', 'nft', [{}])),
    ...(await measureUnderFlood('knockd', 'nft', [{ rate: 30_000 }, {}])),
  ];
}

async function passing(): Promise<Passing[]> {
  return [
    ...(await measurePassing('nft', 1)),
    ...(await measurePassing('legacy', 1)),
    ...(await measurePassing('nft', 1, 6)),
    ...(await measurePassing('legacy', 1, 6)),
    ...(await measurePassing('nft', 20)),
  ];
}

/** A part of the bench: what it measures goes into the file, its rows into the table. */
interface Part {
  readonly name: string;
  readonly run: () => Promise<{ readonly results: readonly unknown[]; readonly rows: readonly Row[] }>;
}

function part<T>(
  name: string,
  measure: () => Promise<readonly T[]>,
  toRows: (results: readonly T[]) => readonly Row[],
): Part {
  return {
    name,
    run: async () => {
      const results = await measure();
      return { results, rows: toRows(results) };
    },
  };
}

const PARTS: readonly Part[] = [
  part('latency', latency, latencyRows),
  part('flood', flood, floodRows),
  part('passing', passing, passingRows),
  part('gate', async () => [...(await measureGate('nft')), ...(await measureGate('legacy'))], gateRows),
  part('recognition', async () => Promise.resolve(measureRecognition()), recognitionRows),
  part('command', async () => [await measureCommand()], commandRows),
  part('many', async () => [await measureMany()], manyRows),
  part('banned', measureBanned, bannedRows),
  part('idle', async () => [await measureIdle()], idleRows),
];

/** What the numbers depend on. */
function machine(): object {
  const [cpu] = cpus();
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).map(Number);
  return { kernel: release(), node: process.version, cpu: cpu?.model, cores: cpus().length, load };
}

const words = process.argv.slice(2);
const names = PARTS.map(({ name }) => name);
const unknown = words.filter((word) => !names.includes(word));
if (unknown.length > 0) {
  console.error(`no part of the bench: ${unknown.join(' ')}; there are ${names.join(', ')}`);
  process.exit(64);
}

const began = performance.now();
const before = machine();
const results: Record<string, readonly unknown[]> = {};
const seconds: Record<string, number> = {};
const rows: Row[] = [];
for (const { name, run } of PARTS) {
  if (words.length > 0 && !words.includes(name)) continue;
  const from = performance.now();
  const done = await run();
  results[name] = done.results;
  rows.push(...done.rows);
  seconds[name] = Math.round((performance.now() - from) / 1000);
}
printTable(rows);
const all = Math.round((performance.now() - began) / 1000);
const document = {
  date: new Date().toISOString(),
  seconds: all,
  machine: before,
  ...results,
  parts: seconds,
  rows,
};
writeFileSync(RESULTS, `${JSON.stringify(document, undefined, 1)}\n`);
console.log(`${all} s; written to ${RESULTS}`);

import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';

import { measureLatency, type Latency } from './latency.js';
import { measurePassing, type Passing } from './passing.js';
import { floodRows, latencyRows, passingRows } from './rows.js';
import { printTable } from './table.js';
import { measureUnderFlood, type UnderFlood } from './under-flood.js';

/**
 * `npm run bench`: knockctl beside the packaged knockd, in one run, on namespaces of its own; `npm run bench -- PART…`
 * runs parts of it.
 */
const RESULTS = 'bench-results.json';
/** Room for half as many sources as the flood has: what becomes of knocks then. */
const HALF_THE_DEFAULT = 524_288;
const ENGINES = ['kernel', 'listener', 'knockd'] as const;

async function latency(): Promise<Latency[]> {
  const all: Latency[] = [];
  for (const engine of ENGINES) all.push(await measureLatency(engine, 'nft'));
  for (const engine of ENGINES) all.push(await measureLatency(engine, 'legacy'));
  for (const engine of ENGINES) all.push(await measureLatency(engine, 'nft', 6));
  return all;
}

async function flood(): Promise<UnderFlood[]> {
  return [
    ...(await measureUnderFlood('kernel', 'nft', [{}], HALF_THE_DEFAULT)),
    ...(await measureUnderFlood('kernel', 'nft', [{ rest: true }, { alive: false }])),
    ...(await measureUnderFlood('kernel', 'legacy', [{}, { alive: false }])),
    ...(await measureUnderFlood('listener', 'nft', [{}])),
    ...(await measureUnderFlood('knockd', 'nft', [{ rate: 16_000 }, {}])),
  ];
}

async function passing(): Promise<Passing[]> {
  return [
    ...(await measurePassing('nft', 1)),
    ...(await measurePassing('legacy', 1)),
    ...(await measurePassing('nft', 20)),
  ];
}

const PARTS = { latency, flood, passing };
type Part = keyof typeof PARTS;

function isPart(word: string): word is Part {
  return word in PARTS;
}

/** What the numbers depend on. */
function machine(): object {
  const [cpu] = cpus();
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).map(Number);
  return { kernel: release(), node: process.version, cpu: cpu?.model, cores: cpus().length, load };
}

const words = process.argv.slice(2);
const unknown = words.filter((word) => !isPart(word));
if (unknown.length > 0) {
  console.error(`no part of the bench: ${unknown.join(' ')}; there are ${Object.keys(PARTS).join(', ')}`);
  process.exit(64);
}
const wanted = (part: Part): boolean => words.length === 0 || words.includes(part);

const began = performance.now();
const before = machine();
const results = {
  latency: wanted('latency') ? await latency() : [],
  flood: wanted('flood') ? await flood() : [],
  passing: wanted('passing') ? await passing() : [],
};
printTable([...latencyRows(results.latency), ...floodRows(results.flood), ...passingRows(results.passing)]);
const seconds = Math.round((performance.now() - began) / 1000);
const document = { date: new Date().toISOString(), seconds, machine: before, ...results };
writeFileSync(RESULTS, `${JSON.stringify(document, undefined, 1)}\n`);
console.log(`${seconds} s; written to ${RESULTS}`);
process.exitCode = results.latency.some(({ engine, missed }) => engine !== 'knockd' && missed > 0) ? 1 : 0;

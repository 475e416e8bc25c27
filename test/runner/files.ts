/** Which test files there are, and of which kind. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export const KINDS = ['unit', 'kernel', 'long', 'host'] as const;
/**
 * unit: no root, no kernel, no packages but npm's. kernel: root, namespaces, Debian's packages. long: kernel tests whose full
 * counts take minutes. host: they boot machines.
 */
export type Kind = (typeof KINDS)[number];

/** Folders all of whose tests drive a real kernel. */
const KERNEL_FOLDERS = /^test\/(?:e2e|e2e-faults|better|differential|faults)\//;

/** By the name of the source: `X.kernel.test.ts`, `X.long.test.ts`, or the folder. */
export function kindOf(source: string): Kind {
  if (source.startsWith('test/host/')) return 'host';
  if (source.endsWith('.long.test.ts')) return 'long';
  return source.endsWith('.kernel.test.ts') || KERNEL_FOLDERS.test(source) ? 'kernel' : 'unit';
}

/** The sources of the tests of a kind, those with one of the words in their path if any is given. */
export function testFiles(kind: Kind, words: readonly string[]): string[] {
  const all = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' });
  return all
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${name}`)
    .filter((source) => kindOf(source) === kind)
    .filter((source) => words.length === 0 || words.some((word) => source.includes(word)))
    .sort();
}

/** The compiled file of a source. */
export function compiled(source: string): string {
  return join(ROOT, 'dist', source.replace(/\.ts$/, '.js'));
}

const DURATIONS = join(ROOT, 'dist', '.test-durations.json');

/** Milliseconds that each file took when it last ran on this machine. */
export function readDurations(): Record<string, number> {
  if (!existsSync(DURATIONS)) return {};
  const value: unknown = JSON.parse(readFileSync(DURATIONS, 'utf8'));
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

export function writeDurations(durations: Readonly<Record<string, number>>): void {
  writeFileSync(DURATIONS, JSON.stringify({ ...readDurations(), ...durations }));
}

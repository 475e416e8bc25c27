import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { parseEvent, type TestEvent } from './events.js';

const REPORTER = fileURLToPath(new URL('reporter.js', import.meta.url));
/** No file takes so long on any machine: a test that waits for ever must not hold up the rest. */
const HUNG_MS = 20 * 60_000;

const running = new Set<ChildProcess>();

/** Ends all test processes that run: each removes what it has made. */
export function endAll(): void {
  for (const child of running) child.kill();
}

/** What came of one test process. */
export interface Outcome {
  readonly events: readonly TestEvent[];
  /** What the tests printed besides, and what Node said on standard error. */
  readonly output: string;
  readonly exitCode: number | string;
  readonly ms: number;
}

/** Runs a compiled test file in a process of its own. */
export async function runFile(file: string): Promise<Outcome> {
  const beganMs = performance.now();
  const events: TestEvent[] = [];
  const output: string[] = [];
  const child = spawn(process.execPath, ['--enable-source-maps', `--test-reporter=${REPORTER}`, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: HUNG_MS,
  });
  running.add(child);
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = parseEvent(line);
    if (event !== undefined) events.push(event);
    else if (line !== '') output.push(`${line}\n`);
  });
  const exitCode = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve(code ?? signal ?? 'no exit code');
    });
  });
  running.delete(child);
  return { events, output: output.join(''), exitCode, ms: performance.now() - beganMs };
}

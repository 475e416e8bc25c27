/**
 * The control process of promise.ts: does all the time what a promise is made of, and says what that took longer than it
 * should have. A line `timer ENDED LOST` for each timer of 50 ms; a line `start ENDED LOST` for each start of Node, one every
 * two seconds: the wall-clock time that went by while the process got no CPU. ENDED is CLOCK_MONOTONIC; all in milliseconds.
 * Ends with its standard input.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const TIMER_MS = 50;
const START_EVERY_MS = 2_000;

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

function tell(what: string, lostMs: number): void {
  process.stdout.write(`${what} ${nowMs().toFixed(1)} ${Math.max(0, lostMs).toFixed(1)}\n`);
}

async function timers(): Promise<void> {
  for (;;) {
    const beganMs = nowMs();
    await sleep(TIMER_MS);
    tell('timer', nowMs() - beganMs - TIMER_MS);
  }
}

/** A start of Node tells what it has used of the CPU: the rest of its time it waited for one. */
const START = 'const { user, system } = process.cpuUsage(); console.log((user + system) / 1000)';

async function starts(): Promise<void> {
  for (;;) {
    const beganMs = nowMs();
    const usedMs = await new Promise<number>((resolve, reject) => {
      execFile(process.execPath, ['-e', START], (error, stdout) => {
        if (error === null) resolve(Number(stdout));
        else reject(new Error('the control process could not start Node', { cause: error }));
      });
    });
    const tookMs = nowMs() - beganMs;
    tell('start', tookMs - usedMs);
    await sleep(Math.max(0, START_EVERY_MS - tookMs));
  }
}

process.stdin.resume().on('end', () => process.exit(0));
void Promise.all([timers(), starts()]);

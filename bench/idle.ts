/** What it takes when nothing happens. */
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { Stand } from './stand.js';
import { sum } from './statistics.js';

/** What a span of time took. */
export interface Span {
  readonly seconds: number;
  /** Of a core. */
  readonly share: number;
  /** The same of each process, by its name and pid; `ended` are those that ended meanwhile. */
  readonly shares: Readonly<Record<string, number>>;
}

export interface Idle {
  /** Heartbeats alone. */
  readonly quiet: Span;
  /** With a heartbeat and the health check, the second since the start. */
  readonly check: Span;
  /** A minute's share of a core, from both. */
  readonly minute: number;
  /** VmRSS and Pss of supervisor and listener before that, in kB. */
  readonly residentKb: readonly number[];
  readonly proportionalKb: readonly number[];
}

/** Seconds from here on: it has started, knocked and written; then the first check, which loads what it needs; then V8 tidies up. */
const FIRST_CHECK_S = 7;
const QUIET_FROM_S = 27;
/** Two heartbeats. */
const QUIET_S = 10;
const SECOND_CHECK_S = QUIET_FROM_S + QUIET_S + 2;
/** One heartbeat. */
const CHECK_S = 5;
const TICK_NS = 1e7;

export async function measureIdle(): Promise<Idle> {
  // Each check comes once a minute as by default, but when this wants it, and a first one before it.
  const beganMs = Math.ceil(Date.now() / 1000) * 1000;
  const second = (seconds: number): number => (beganMs / 1000 + seconds) % 60;
  const schedule = `${second(FIRST_CHECK_S)},${second(SECOND_CHECK_S)} * * * * *`;
  const more = `[health]\nschedule = ${schedule}\n`;
  await using stand = await Stand.open({ engine: 'kernel', backend: 'nft', more });
  await delay(beganMs + QUIET_FROM_S * 1000 - Date.now());
  const memory = { residentKb: stand.resident(), proportionalKb: stand.proportional() };
  const [supervisor = 0] = stand.pids();
  const quiet = await span(supervisor, QUIET_S);
  const check = await span(supervisor, CHECK_S);
  const minute = (quiet.share * (60 - CHECK_S) + check.share * CHECK_S) / 60;
  return { quiet, check, minute, ...memory };
}

async function span(supervisor: number, seconds: number): Promise<Span> {
  const began = performance.now();
  const before = used(supervisor);
  await delay(seconds * 1000);
  const after = used(supervisor);
  const ns = (performance.now() - began) * 1e6;
  const shares = [...after].map(([name, spent]): [string, number] => [
    name,
    (spent - (before.get(name) ?? 0)) / ns,
  ]);
  return { seconds, share: sum(shares.map(([, share]) => share)), shares: Object.fromEntries(shares) };
}

/** Nanoseconds of a core that a process and all below it have had so far; of those that have ended, in ticks of 10 ms. */
function used(root: number): Map<string, number> {
  const spent = new Map<string, number>();
  let ended = 0;
  const pids = [root];
  for (const pid of pids) {
    const tasks = readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`);
    const ns = tasks.map((task) => Number(readFileSync(`${task}/schedstat`, 'utf8').split(' ')[0]));
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
    const sum = ns.reduce((all, one) => all + one, 0);
    spent.set(`${name} ${pid}`, sum);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // cutime and cstime (proc(5)); behind the name, which may have blanks.
    const [cutime = 0, cstime = 0] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(13, 15)
      .map(Number);
    ended += (cutime + cstime) * TICK_NS;
    for (const task of tasks) {
      const children = readFileSync(`${task}/children`, 'utf8').split(' ').map(Number);
      pids.push(...children.filter(Boolean));
    }
  }
  return spent.set('ended', ended);
}

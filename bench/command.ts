/** What a command of the line costs as a whole process, beside node that does nothing. */
import { Stand, type Run } from './stand.js';
import { median } from './statistics.js';

/** Medians of the runs; times in microseconds. */
export interface Costs {
  readonly wall: number;
  readonly core: number;
  readonly peakKb: number;
}

export interface Command {
  readonly runs: number;
  readonly accept: Costs;
  /** `node -e 0` */
  readonly node: Costs;
}

/** Of each, one after the other. */
const RUNS = 40;

export async function measureCommand(): Promise<Command> {
  await using stand = await Stand.open({ engine: 'kernel', backend: 'nft' });
  const accept = stand.ctl('accept', '10.98.0.@');
  const [ours = [], node = []] = await stand.runs(RUNS, accept, [process.execPath, '-e', '0']);
  return { runs: RUNS, accept: costs(ours), node: costs(node) };
}

function costs(runs: readonly Run[]): Costs {
  return {
    wall: median(runs.map(({ wall }) => wall)),
    core: median(runs.map(({ core }) => core)),
    peakKb: median(runs.map(({ peakKb }) => peakKb)),
  };
}

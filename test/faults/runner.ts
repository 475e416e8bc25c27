import { readIfExists } from '../../src/system/files.js';
import type { Control } from '../helpers/promise.js';
import { nowMs } from '../helpers/promise.js';
import type { Combination, Measured, Row } from './row.js';
import { Scene } from './scene.js';

export interface RunOptions {
  readonly full: boolean;
  readonly seed: number;
  readonly control: Control;
}

/** What came of a row in one combination. */
export interface Verdict extends Combination {
  readonly row: Row;
  readonly measured: Measured;
  readonly slowestEchoMs: number;
  /** Of the whole run, setting up included. */
  readonly seconds: number;
  /** Why the promise is broken; undefined where it was kept. */
  readonly broken: unknown;
}

/** Runs a row; rejects, with the end of the supervisor's log, where its promise is broken. */
export async function runRow(row: Row, combination: Combination, options: RunOptions): Promise<Verdict> {
  const beganMs = nowMs();
  await using scene = await Scene.open(row, { ...combination, ...options });
  try {
    const measured = await row.run(scene);
    await scene.session.goesOn();
    await scene.leavesNothing();
    await scene.session.end();
    const seconds = (nowMs() - beganMs) / 1_000;
    const { slowestMs } = scene.session;
    return {
      row,
      ...combination,
      measured,
      slowestEchoMs: slowestMs,
      seconds,
      broken: undefined,
    };
  } catch (error) {
    const log = (readIfExists(scene.product.paths.log) ?? '').split('\n').slice(-40).join('\n');
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`${text}\n--- the end of the log:\n${log}`, { cause: error });
  }
}

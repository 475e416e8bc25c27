/** A reporter of node:test (`--test-reporter`): a line of JSON for each test that has ended, for main.ts to read. */
import type { TestEvent } from './events.js';
import { describeFailure } from './events.js';

interface Reported {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly nesting: number;
    readonly file?: string;
    readonly line?: number;
    readonly message?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: { readonly duration_ms?: number; readonly type?: string; readonly error?: unknown };
  };
}

export default async function* report(source: AsyncIterable<Reported>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    const said = toEvent(type, data);
    if (said !== undefined) yield `\n${JSON.stringify(said)}\n`;
  }
}

function toEvent(type: string, data: Reported['data']): TestEvent | undefined {
  const { name, nesting, file, line } = data;
  const where = `${file ?? ''}:${line ?? 0}`;
  if (type === 'test:diagnostic') {
    // The totals at the end are counted by main.ts.
    return nesting === 0 &&
      /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message ?? '')
      ? undefined
      : { type: 'note', nesting, text: data.message ?? '' };
  }
  const isSuite = data.details?.type === 'suite';
  if (type === 'test:start') return undefined;
  if (type !== 'test:pass' && type !== 'test:fail') return undefined;
  const ms = Math.round(data.details?.duration_ms ?? 0);
  const ended = { nesting, name, where, ms, isSuite };
  if (type === 'test:fail') return { type: 'failed', ...ended, error: describeFailure(data.details?.error) };
  if (data.skip !== undefined && data.skip !== false)
    return { type: 'skipped', ...ended, why: data.skip === true ? 'no reason given' : data.skip };
  return { type: 'passed', ...ended };
}

import { inspect } from 'node:util';

interface Ended {
  /** 0 for what stands in a file itself; 1 and more inside of suites and tests. */
  readonly nesting: number;
  readonly name: string;
  /** `FILE:LINE` of the compiled file that declares it. */
  readonly where: string;
  readonly ms: number;
  readonly isSuite: boolean;
}

/** What a test process says of its tests, a line of JSON each. */
export type TestEvent =
  | ({ readonly type: 'passed' } & Ended)
  | ({ readonly type: 'failed'; readonly error: string } & Ended)
  | ({ readonly type: 'skipped'; readonly why: string } & Ended)
  /** A diagnostic of the test that ends next. */
  | { readonly type: 'note'; readonly nesting: number; readonly text: string };

const TYPES = ['passed', 'failed', 'skipped', 'note'];

/** The event in a line of a test process's output; undefined for what the tests themselves print. */
export function parseEvent(line: string): TestEvent | undefined {
  if (!line.startsWith('{"type":"')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isEvent(value) ? value : undefined;
  } catch {
    return undefined; // a line that a test printed
  }
}

function isEvent(value: unknown): value is TestEvent {
  return typeof value === 'object' && value !== null && 'type' in value && TYPES.includes(String(value.type));
}

/** The stack and the causes of an error, without node:test's own wrapping. */
export function describeFailure(error: unknown): string {
  const inner =
    error instanceof Error && 'failureType' in error && error.cause !== undefined ? error.cause : error;
  return inner instanceof Error ? inspect(inner, { depth: 4 }) : String(inner);
}

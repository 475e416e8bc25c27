import { describeError, KnockError } from '../base/errors.js';
import { quietJson, terminalText } from '../base/printable.js';

/** Says what went wrong, and what to do next. */
export function report(error: unknown, json: boolean): number {
  const { exitCode, text: what, hint } = describeError(error);
  const text = `${error instanceof KnockError ? '' : pathOf(error)}${what}`;
  if (json) {
    const document = { exitCode, errors: text.split('\n') };
    process.stdout.write(`${quietJson(JSON.stringify(document))}\n`);
    return exitCode;
  }
  const next = hint === undefined ? '' : `  ${hint}\n`;
  process.stderr.write(terminalText(`knockctl: ${text}\n${next}`, false));
  return exitCode;
}

/** The file that an error of the system is about: its text does not name it. */
function pathOf(error: unknown): string {
  return error instanceof Error && 'path' in error ? `${String(error.path)}: ` : '';
}

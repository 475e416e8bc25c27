import { describeError } from '../base/errors.js';
import { quietJson, terminalText } from '../base/printable.js';

/** Says what went wrong, and what to do next. */
export function report(error: unknown, json: boolean): number {
  const { exitCode, text, hint } = describeError(error);
  if (json) {
    const document = { exitCode, errors: text.split('\n') };
    process.stdout.write(`${quietJson(JSON.stringify(document))}\n`);
    return exitCode;
  }
  const next = hint === undefined ? '' : `  ${hint}\n`;
  process.stderr.write(terminalText(`knockctl: ${text}\n${next}`, false));
  return exitCode;
}

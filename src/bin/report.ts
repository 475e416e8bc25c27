import { errorText, EXIT, KnockError } from '../base/errors.js';
import { quietJson, terminalText } from '../base/printable.js';

/** Says what went wrong, and what to do next. */
export function report(error: unknown, json: boolean): number {
  const known = error instanceof KnockError ? error : undefined;
  const exitCode = known?.exitCode ?? EXIT.firewall;
  const text = `${known === undefined ? pathOf(error) : ''}${errorText(error)}`;
  if (json) {
    const document = { exitCode, errors: text.split('\n') };
    process.stdout.write(`${quietJson(JSON.stringify(document))}\n`);
    return exitCode;
  }
  const hint = known?.hint === undefined ? '' : `  ${known.hint}\n`;
  process.stderr.write(terminalText(`knockctl: ${text}\n${hint}`, false));
  return exitCode;
}

/** The file that an error of the system is about: its text does not name it. */
function pathOf(error: unknown): string {
  return error instanceof Error && 'path' in error ? `${String(error.path)}: ` : '';
}

import { errorText, EXIT, KnockError } from '../base/errors.js';
import { quietJson, terminalText } from '../base/printable.js';

/** Says what went wrong, and what to do next. */
export function report(error: unknown, json: boolean): number {
  const known = error instanceof KnockError ? error : undefined;
  const exitCode = known?.exitCode ?? EXIT.firewall;
  if (json) {
    const document = { exitCode, errors: errorText(error).split('\n') };
    process.stdout.write(`${quietJson(JSON.stringify(document))}\n`);
    return exitCode;
  }
  const hint = known?.hint === undefined ? '' : `  ${known.hint}\n`;
  process.stderr.write(terminalText(`knockctl: ${errorText(error)}\n${hint}`, false));
  return exitCode;
}

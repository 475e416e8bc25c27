import { errorText, EXIT, KnockError } from '../base/errors.js';

/** Says what went wrong, and what to do next. */
export function report(error: unknown, json: boolean): number {
  const known = error instanceof KnockError ? error : undefined;
  const exitCode = known?.exitCode ?? EXIT.firewall;
  if (json) {
    process.stdout.write(`${JSON.stringify({ exitCode, errors: errorText(error).split('\n') })}\n`);
    return exitCode;
  }
  process.stderr.write(
    `knockctl: ${errorText(error)}\n${known?.hint === undefined ? '' : `  ${known.hint}\n`}`,
  );
  return exitCode;
}

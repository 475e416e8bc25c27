import { EXIT } from '../../base/errors.js';
import type { Finding } from '../../wire/reports.js';
import type { Context } from '../context.js';
import { paint, printJson, type Colour, type Output } from '../output.js';

const COLOURS: Readonly<Record<Finding['level'], Colour>> = {
  danger: 'red',
  warning: 'yellow',
  note: 'bold',
  good: 'green',
};

/**
 * Looks at the host, and says what it found and what to do about it. Exit code 1 where something would make the
 * protection void or lock somebody out.
 */
export async function doctor(context: Context): Promise<number> {
  const { output } = context;
  const findings = await context.examine();
  const isDanger = findings.some(({ level }) => level === 'danger');
  const exitCode = isDanger ? EXIT.refused : EXIT.ok;
  if (output.json) printJson(output, { findings, exitCode });
  else {
    for (const finding of findings) print(output, finding);
    output.out(isDanger ? '' : 'nothing found that would make the protection void, or lock anybody out\n');
  }
  return exitCode;
}

function print(output: Output, { level, text, effect, fix }: Finding): void {
  output.out(`${paint(output, COLOURS[level], level.padEnd(8))} ${text}\n`);
  if (effect !== undefined) output.out(`         so:   ${effect}\n`);
  if (fix !== undefined) output.out(`         fix: ${fix}\n`);
}

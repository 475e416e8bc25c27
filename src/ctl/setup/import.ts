import { join, resolve } from 'node:path';

import { EXIT } from '../../base/errors.js';
import { ok } from '../../base/result.js';
import type { Note } from '../../config/import/advice.js';
import { planImport, type ImportPlan } from '../../config/import/plan.js';
import { portNames } from '../../config/shadow.js';
import { readIfExists } from '../../system/files.js';
import type { Context } from '../context.js';
import { paint, printJson, type Output } from '../output.js';
import { formerOptions, OPTION_FILES, type FormerOptions } from '../../config/import/former-options.js';
import { FALLBACK_DOORS } from '../../config/load.js';
import { parseKnockdOptions } from '../../config/knockd/knockd-options.js';
import { wrap } from '../wrap.js';
import { refuseExisting, writePrivate } from './write-private.js';

export interface ImportOptions {
  /** The folder that gets knockctl.conf and knockd.conf; without one nothing is written. */
  readonly write?: string;
  /** Replace files that are there. */
  readonly force?: boolean;
}

const COLOURS = { understood: 'green', left: 'yellow', advice: 'bold' } as const;

/** Says what a knockd.conf becomes, and writes it where it is told to. Throws ConfigError, KnockError. */
export function importKnockd(context: Context, file: string, options: ImportOptions): number {
  const { output } = context;
  const folder = options.write === undefined ? undefined : resolve(options.write);
  const lookUp = portNames(() => ok(readIfExists('/etc/services')));
  const text = context.readInput(file);
  const doors = folder === undefined ? undefined : join(folder, 'knockd.conf');
  const former = file === '-' ? undefined : readFormer(resolve(file), (path) => context.readOptional?.(path));
  const plan = planImport(text, file === '-' ? 'standard input' : file, lookUp, doors, former);
  const { written, kept } =
    folder === undefined ? { written: [], kept: [] } : write(plan, folder, options.force === true);
  if (output.json) {
    printJson(output, { ...plan, written, ...(kept.length === 0 ? {} : { kept }) });
    return EXIT.ok;
  }
  for (const note of plan.notes) if (folder === undefined || note.kind !== 'advice') printNote(output, note);
  if (folder === undefined) {
    output.out(`\n${paint(output, 'bold', '----- knockctl.conf -----')}\n${plan.knockctlConf}`);
    output.out(`\n${paint(output, 'bold', '----- knockd.conf -----')}\n${plan.knockdConf}`);
    if (!plan.knockdConf.endsWith('\n')) output.out('\n');
    output.err('nothing was written; --write /etc/knockctl puts both files there\n');
  } else {
    const previous = kept.length === 0 ? '' : `what was there before is in ${kept.join(' and ')}\n`;
    const more = `what to mind on this host: knockctl import ${file}, without --write, says it\n`;
    output.out(`\nwrote ${written.join(' and ')}\n${previous}${more}next: ${nextStep(folder)}\n`);
  }
  return EXIT.ok;
}

/** The options of the knockd that has this file: of the default one, or of the one that it names itself (-c). */
function readFormer(
  conf: string,
  readOptional: (path: string) => string | undefined,
): FormerOptions | undefined {
  for (const file of OPTION_FILES) {
    const words = formerOptions(readOptional(file) ?? '');
    if (words === undefined || words.length === 0) continue;
    const request = parseKnockdOptions(words);
    if (!request.ok || request.value.kind !== 'run') continue;
    const options = request.value.front;
    if ((options.doors ?? FALLBACK_DOORS) === conf) return { file, words: words.join(' '), options };
  }
  return undefined;
}

/** Advice is as long as it takes: it is wrapped everywhere, the rest on a terminal. */
const WIDTH = 80;
const INDENT = 10;

function printNote(output: Output, { line, kind, text }: Note): void {
  const place = (line === 0 ? '' : `line ${line}`).padEnd(INDENT);
  const indent = 2 * INDENT + 2;
  const columns = kind === 'advice' ? WIDTH : (output.columns ?? Infinity);
  const width = Math.max(WIDTH / 2, columns - indent);
  output.out(`${place}${paint(output, COLOURS[kind], kind.padEnd(INDENT))}  ${wrap(text, width, indent)}\n`);
}

function nextStep(folder: string): string {
  const where = folder === '/etc/knockctl' ? '' : ` -c ${join(folder, 'knockctl.conf')}`;
  return [
    `knockctl${where} check`,
    'then stop knockd (systemctl disable --now knockd)',
    `then knockctl${where} start --trial 300, knock, and knockctl${where} confirm`,
  ].join(', ');
}

/** What was written, and where what was there before is kept. */
interface Written {
  readonly written: readonly string[];
  readonly kept: readonly string[];
}

/** Writes both files for their owner only; the doors first, since knockctl.conf is what is looked for. */
function write(plan: ImportPlan, folder: string, force: boolean): Written {
  const files = new Map([
    [join(folder, 'knockd.conf'), plan.knockdConf],
    [join(folder, 'knockctl.conf'), plan.knockctlConf],
  ]);
  const written = [...files.keys()];
  if (!force) refuseExisting(written, 'nothing was written; --force replaces what is there');
  return { written, kept: writePrivate(files) };
}

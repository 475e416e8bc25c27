import type { StatusReport } from '../../wire/reports.js';
import { paint, type Output } from '../output.js';

type Exposures = Pick<StatusReport, 'exposures'>['exposures'];

const TITLES = {
  open: 'NOT PROTECTED',
  unknown: 'unknown',
  refused: 'shut to all',
  knock: 'not heard',
  exception: 'exception',
  note: 'note',
} as const;
const ORDER = ['open', 'unknown', 'refused', 'knock', 'exception', 'note'] as const;

/** What decides before knockctl does, the worst first, each with what fixes it. */
export function exposureLines(output: Output, { exposures }: { readonly exposures: Exposures }): string[] {
  return ORDER.flatMap((kind) =>
    exposures
      .filter((one) => one.kind === kind)
      .flatMap(({ text, fix }) => [
        `  ${paint(output, kind === 'open' ? 'red' : kind === 'exception' || kind === 'note' ? 'dim' : 'yellow', TITLES[kind].padEnd(10))} ${text}`,
        ...(fix === null ? [] : [`             fix it: ${fix}`]),
      ]),
  );
}

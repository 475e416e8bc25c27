import type { Exposure } from '../../firewall/exposure/assess.js';
import type { Journal } from '../../runtime/journal/journal.js';

/** The words that must be seen wherever a port is open that is said to be shut. */
export const NOT_PROTECTED = 'NOT PROTECTED';

/** What it means that a port is open, and what fixes it. */
function openNote({ text, fix }: Exposure): string {
  return `${NOT_PROTECTED}: ${text}${fix === null ? '' : `. To fix it: ${fix}`}`;
}

/** Everything that is more than an exception of the administrator's, in words. */
export function exposureNotes(exposures: readonly Exposure[]): string[] {
  return exposures.filter(isMore).map(noteOf);
}

function isMore({ kind }: Exposure): boolean {
  return kind !== 'exception' && kind !== 'note';
}

function noteOf(exposure: Exposure): string {
  const { kind, text, fix } = exposure;
  if (kind === 'open') return openNote(exposure);
  return fix === null ? text : `${text}. To fix it: ${fix}`;
}

/** Tells once of each rule that decides before us, and again when it has gone. */
export class ExposureLog {
  readonly #journal: Pick<Journal, 'record'>;
  #told: ReadonlyMap<string, Exposure> = new Map();

  constructor(journal: Pick<Journal, 'record'>) {
    this.#journal = journal;
  }

  /** What was found open at the last look. */
  get open(): readonly Exposure[] {
    return [...this.#told.values()].filter(({ kind }) => kind === 'open');
  }

  /** True where what is open has changed: whoever shows our state has to be told. */
  update(exposures: readonly Exposure[]): boolean {
    const now = new Map(exposures.filter(isMore).map((one) => [one.text, one]));
    const before = this.#told;
    this.#told = now;
    const begun = [...now].filter(([text]) => !before.has(text)).map(([, one]) => one);
    const gone = [...before].filter(([text]) => !now.has(text)).map(([, one]) => one);
    for (const one of begun)
      this.#journal.record(
        'exposure',
        noteOf(one),
        fields(one, true),
        one.kind === 'open' ? 'error' : 'warn',
      );
    for (const one of gone) {
      const what = one.kind === 'open' && this.open.length === 0 ? 'protected again' : 'no more';
      this.#journal.record('exposure', `${what}: ${one.text}`, fields(one, false));
    }
    return [...begun, ...gone].some(({ kind }) => kind === 'open');
  }
}

function fields({ kind, service, family, ports }: Exposure, begins: boolean): Record<string, unknown> {
  return { exposure: kind, service, family, ports, begins };
}

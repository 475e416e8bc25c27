import { EXIT, type ExitCode } from '../../base/errors.js';
import { isBoolean, isString, listOf, oneOf, optional, shapeOf } from '../guards.js';

/** How a start went, as the supervisor tells whoever started it. */
export interface StartOutcome {
  readonly exitCode: ExitCode;
  readonly text: string;
  readonly hint?: string | undefined;
  /** What the caller must hear besides. */
  readonly notes?: readonly string[] | undefined;
  /** Started on trial: when the kernel goes back, ISO 8601, UTC. */
  readonly until?: string | undefined;
  /** True where the supervisor goes on, armed or trying; false where it ends. */
  readonly keepsRunning: boolean;
  /** It ends because another one is there. */
  readonly another?: true | undefined;
}

const isStartOutcome = shapeOf<StartOutcome>({
  exitCode: oneOf(...Object.values(EXIT)),
  text: isString,
  hint: optional(isString),
  notes: optional(listOf(isString)),
  until: optional(isString),
  keepsRunning: isBoolean,
  another: optional(oneOf(true)),
});

/** The outcome in a text of the supervisor; undefined where it is none, or was cut off. */
export function readStartOutcome(text: string): StartOutcome | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isStartOutcome(parsed) ? parsed : undefined;
}

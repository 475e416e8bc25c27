import { hasOnly, isCount, isFields, isText } from '../guards.js';

/** What `knockctl start` gives the supervisor on its way besides the configuration. */
export interface StartRequest {
  /** The rules are to be in force for so many seconds only, until they are confirmed. */
  readonly trialS?: number;
  /** Where the caller's own SSH session comes from, and the port it is at. */
  readonly session?: string;
  readonly port?: number;
}

/** The shortest and the longest trial, in seconds: time to open a second session, and none that is forgotten. */
export const TRIAL_S = { min: 5, max: 3_600 } as const;

export function isTrialTime(value: unknown): value is number {
  return isCount(value, TRIAL_S.min, TRIAL_S.max);
}

/** The wish in a word of a command line; none where it is not one. */
export function readStartRequest(text: string | undefined): StartRequest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? '{}');
  } catch {
    return {};
  }
  return isFields(parsed) && isStartRequest(parsed) ? parsed : {};
}

function isStartRequest(fields: Readonly<Record<string, unknown>>): fields is StartRequest & typeof fields {
  const { trialS, session, port } = fields;
  return (
    hasOnly(fields, ['trialS', 'session', 'port']) &&
    (trialS === undefined || isTrialTime(trialS)) &&
    (session === undefined || isText(session, 64)) &&
    (port === undefined || isCount(port, 1, 65_535))
  );
}

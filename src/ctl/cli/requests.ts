import type { Request } from '../../wire/control.js';

/** What a verb may be asked besides its targets. */
export interface VerbOptions {
  readonly timeout?: number;
  readonly service?: string;
  readonly force?: boolean;
  readonly save?: boolean;
  readonly file?: string;
}

/** Makes the request of a verb; `session`: where the caller's own SSH session comes from. */
export type MakeVerb = (
  targets: readonly string[],
  options: VerbOptions,
  session: string | undefined,
) => Request;

/** The verbs that act on addresses. */
export type AddressVerb = 'accept' | 'drop' | 'trust' | 'untrust' | 'flush';

/** The request of each. */
export const REQUESTS: Readonly<Record<AddressVerb, MakeVerb>> = {
  accept: (targets, { timeout, service, force }) => ({
    verb: 'accept',
    targets,
    ...(timeout === undefined ? {} : { timeoutS: timeout }),
    ...(service === undefined ? {} : { service }),
    ...(force === undefined ? {} : { force }),
  }),
  drop: (targets, { timeout, force }, session) => ({
    verb: 'drop',
    targets,
    ...(timeout === undefined ? {} : { timeoutS: timeout }),
    ...(force === undefined ? {} : { force }),
    ...(session === undefined ? {} : { session }),
  }),
  trust: (targets, { save }) => ({ verb: 'trust', targets, ...(save === undefined ? {} : { save }) }),
  untrust: (targets, { save }) => ({ verb: 'untrust', targets, ...(save === undefined ? {} : { save }) }),
  flush: (targets) => ({ verb: 'flush', targets }),
};

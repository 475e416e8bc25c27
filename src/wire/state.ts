/** The states of the service. */
export const STATES = [
  'stopped',
  'preparing',
  'armed',
  'degraded',
  'tripped',
  'contested',
  'stopping',
] as const;
export type State = (typeof STATES)[number];

/** As `status` has them: armed with rules on trial, or with a port open that should be shut, has a name of its own. */
export const STATUS_STATES = [...STATES, 'trial', 'exposed'] as const;
export type StatusState = (typeof STATUS_STATES)[number];

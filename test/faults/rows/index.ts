import type { Row } from '../row.js';
import { LISTENER_ROWS } from './listener.js';
import { SUPERVISOR_ROWS } from './supervisor.js';
import { TAKEN_OVER_ROWS } from './taken-over.js';

/** The whole table, by number. */
export const ROWS: readonly Row[] = [...SUPERVISOR_ROWS, ...LISTENER_ROWS, ...TAKEN_OVER_ROWS].sort((one, other) => one.number - other.number);

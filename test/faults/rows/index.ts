import type { Row } from '../row.js';
import { FLOOD_ROWS } from './floods.js';
import { HELPER_ROWS } from './helpers.js';
import { HUNG_ROWS } from './hung.js';
import { INPUT_ROWS } from './input.js';
import { INTERFACE_ROWS } from './interfaces.js';
import { KILL_ROWS } from './kills.js';
import { LASTING_ROWS } from './lasting.js';
import { LISTENER_ROWS } from './listener.js';
import { LOCK_ROWS } from './lock.js';
import { RULES_ROWS } from './rules.js';
import { SAVED_ROWS } from './saved.js';
import { SESSION_ROWS } from './sessions.js';
import { SET_ROWS } from './sets.js';
import { START_STOP_ROWS } from './start-stop.js';
import { SUPERVISOR_ROWS } from './supervisor.js';
import { SURROUNDING_ROWS } from './surroundings.js';
import { TAKEN_OVER_ROWS } from './taken-over.js';
import { TRIAL_ROWS } from './trial.js';

const GROUPS: readonly (readonly Row[])[] = [
  SUPERVISOR_ROWS,
  HUNG_ROWS,
  LISTENER_ROWS,
  TAKEN_OVER_ROWS,
  KILL_ROWS,
  START_STOP_ROWS,
  LOCK_ROWS,
  RULES_ROWS,
  SAVED_ROWS,
  INPUT_ROWS,
  SESSION_ROWS,
  INTERFACE_ROWS,
  FLOOD_ROWS,
  SET_ROWS,
  HELPER_ROWS,
  SURROUNDING_ROWS,
  LASTING_ROWS,
  TRIAL_ROWS,
];

/** The whole table, by number. */
export const ROWS: readonly Row[] = GROUPS.flat().sort((one, other) => one.number - other.number);

import type { LogSettings } from '../../src/system/log.js';

/** A log that writes nowhere yet: what a test wants of it stands beside. */
export const LOG_SETTINGS: LogSettings = {
  level: 'info',
  file: undefined,
  maxFileBytes: undefined,
  syslog: false,
  json: false,
  console: 'none',
};

import type { KnockctlConf } from './knockctl/knockctl-conf.js';
import type { KnockdOptions } from './knockd/knockd-conf.js';
import type { FrontOptions } from './load-options.js';
import { KEYS } from './knockctl/schema.js';
import type { Settings } from './settings.js';

/**
 * The settings of knockctl.conf with what else has a say: knockd.conf's `[options]` count where knockctl.conf leaves
 * the same thing at its default, and `front` where its own documentation says. `doors`: the file that was read.
 */
export function mergeOptions(
  settings: KnockctlConf['settings'],
  doors: string,
  options: KnockdOptions,
  front: FrontOptions = {},
): Omit<Settings, 'services'> {
  const { paths, listener, log } = settings;
  const atDefault = listener.interfaces.join() === KEYS.interface.fallback.join();
  const chosen = front.interface ?? (atDefault ? options.interface : undefined);
  return {
    ...settings,
    paths: {
      ...paths,
      ...folders(paths, front),
      doors,
      pidFile: options.pidFile ?? front.pidFile ?? paths.pidFile,
    },
    listener: {
      ...listener,
      interfaces: chosen === undefined ? listener.interfaces : [chosen],
      families: front.onlyIpv4 === true ? [4] : listener.families,
    },
    log: {
      ...log,
      file: log.file ?? options.logFile ?? front.logFile,
      syslog: log.syslog || options.syslog,
      lookup: log.lookup || front.lookup === true,
    },
  };
}

/** A folder that knockctl.conf names stays. */
function folders(
  { run, state }: Settings['paths'],
  front: FrontOptions,
): Pick<Settings['paths'], 'run' | 'state'> {
  return {
    run: run === KEYS.run.fallback ? (front.run ?? run) : run,
    state: state === KEYS.state.fallback ? (front.state ?? state) : state,
  };
}

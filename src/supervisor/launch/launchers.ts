import type { RunPaths } from '../../config/paths.js';
import { nftMonitor, nftMonitorInUnit, type MonitorStarter } from '../failsafe/ruleset-monitor.js';
import { shellUnitStarter } from './shell-unit.js';
import { listenerStarter, type ListenerStarter } from './listener-child.js';
import { startListenerInUnit } from './listener-unit.js';
import { Shell } from '../../runtime/doors/shell.js';

/** How the programs are started that the supervisor works with. */
export interface Launchers {
  readonly startListener: ListenerStarter;
  readonly startMonitor: MonitorStarter;
  readonly shell: Shell;
}

/** As children of ours. */
export function childLaunchers(): Launchers {
  return {
    startListener: listenerStarter(),
    startMonitor: nftMonitor,
    shell: new Shell(),
  };
}

/** In a unit of systemd that may do next to nothing: what needs more, or may want to do more, gets a unit of its own. */
export function unitLaunchers(
  unit: string,
  { listenerSockets, lines }: Pick<RunPaths, 'listenerSockets' | 'lines'>,
): Launchers {
  return {
    startListener: startListenerInUnit(unit, listenerSockets),
    startMonitor: nftMonitorInUnit,
    shell: new Shell(shellUnitStarter(unit, lines)),
  };
}

/** Who opens the door, and the files of each that say so. */
import type { Backend } from '../test/helpers/lab.js';

/**
 * Our rules in the kernel; our listener, with a verb of ours; our listener, with a shell line such as knockd has; or the
 * packaged knockd.
 */
export type Engine = 'kernel' | 'listener' | 'shell' | 'knockd';

export const SEQUENCE = [7000, 8000, 9000] as const;
export const WINDOW_S = 5;
export const DOOR_PORT = 22;

export interface OurSettings {
  readonly engine: Engine;
  readonly backend: Backend;
  /** One by default; the knocks are for the first. */
  readonly doors?: number;
  /** Its default by default. */
  readonly doorSources?: number;
  /** More sections of knockctl.conf. */
  readonly more?: string;
}

/** knockctl.conf, without [paths]. The rules stay when all else is dead; with shell lines there are none of ours. */
export function knockctlConf({ engine, backend, doorSources, more = '' }: OurSettings): string {
  const conf = [
    `[firewall]\nbackend = ${backend}`,
    ...(doorSources === undefined ? [] : [`door_sources = ${doorSources}`]),
  ];
  if (engine !== 'shell') {
    const kernel = engine === 'kernel' ? 'yes' : 'no';
    conf.push(`[service.ssh]\nports = ${DOOR_PORT}\non_failure = hold\nkernel_doors = ${kernel}`);
  }
  return `${conf.join('\n')}\n${more}`;
}

/** The doors of knockctl, as knockd.conf has them. */
export function ourDoors({ engine, backend, doors = 1 }: OurSettings): string {
  const commands = engine === 'shell' ? insertions(backend) : ['command = knockctl accept %IP%'];
  return Array.from({ length: doors }, (_, index) => section(commands, index)).join('');
}

/** knockd.conf of the packaged knockd. */
export function knockdConf(backend: Backend, log: string): string {
  return `[options]\nlogfile = ${log}\n${section(insertions(backend))}`;
}

/** A door that inserts a rule, as knockd's own manual has it. */
function insertions(backend: Backend): string[] {
  const insert = (tool: string): string =>
    `/usr/sbin/${tool}-${backend} -w -I INPUT -s %IP% -p tcp --dport ${DOOR_PORT} -j ACCEPT`;
  return [`command = ${insert('iptables')}`, `command_6 = ${insert('ip6tables')}`];
}

/** The section of a door; each has ports of its own. */
function section(commands: readonly string[], index = 0): string {
  const sequence = SEQUENCE.map((port) => port + index).join();
  const lines = [`sequence = ${sequence}`, `seq_timeout = ${WINDOW_S}`, 'tcpflags = syn', ...commands];
  return `[d${index}]\n${lines.join('\n')}\n`;
}

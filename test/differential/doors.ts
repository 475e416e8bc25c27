import { TCP_FLAGS, type Protocol, type Step } from '../../src/knock/door.js';

export type FlagName = keyof typeof TCP_FLAGS;

/** What a door runs: a start command, a stop command too, one of its own for IPv6, an empty one for IPv6, nothing. */
export type Action = 'start' | 'stop' | 'own6' | 'empty6' | 'none';

export const DEFAULT_WINDOW_S = 25;

/** A door as the generator makes it. */
export interface DoorSpec {
  readonly name: string;
  readonly steps: readonly Step[];
  /** `syn`, `!ack`. */
  readonly flags: readonly `${'' | '!'}${FlagName}`[];
  /** seq_timeout; the default is not written down. */
  readonly windowS: number;
  readonly action: Action;
  /** Counts packets to TARGET rather than to the server itself. */
  readonly target: boolean;
}

/** An address that the server routes to; raw frames to it pass the server, which is what doors with a target watch. */
export const TARGET = '10.77.2.2';

/** One packet of a generated case. */
export interface Knock {
  readonly source: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** Of the TCP header. */
  readonly flags: number;
  /** With IPv4 options, which the daemon has to step over. */
  readonly options: boolean;
  /** To TARGET rather than to the server itself. */
  readonly toTarget: boolean;
}

const ECHO = (what: string, name: string): string => `echo ${what} ${name} %IP% >> OUT`;

/** The section of knockd.conf, with `OUT` for the file to write to. */
export function doorText(door: DoorSpec): string {
  const { name, action } = door;
  const sequence = door.steps.map(({ port, protocol }) =>
    protocol === 'udp' ? `${port}:udp` : String(port),
  );
  const lines = [`[${name}]`, `sequence = ${sequence.join(',')}`];
  if (door.windowS !== DEFAULT_WINDOW_S) lines.push(`seq_timeout = ${door.windowS}`);
  if (door.flags.length > 0) lines.push(`tcpflags = ${door.flags.join(',')}`);
  if (door.target) lines.push(`target = ${TARGET}`);
  if (action !== 'none') lines.push(`start_command = ${ECHO('start', name)}`);
  if (action === 'stop') lines.push('cmd_timeout = 0', `stop_command = ${ECHO('stop', name)}`);
  if (action === 'own6') lines.push(`start_command_6 = ${ECHO('six', name)}`);
  if (action === 'empty6') lines.push('start_command_6 =');
  return `${lines.join('\n')}\n`;
}

/** True where the packet is one that the door looks at: of its destination, and with flags such as it asks for. */
export function counts(door: DoorSpec, knock: Knock): boolean {
  return door.target === knock.toTarget && flagsFit(door, knock);
}

/** True where the flags of a packet are such as the door asks for; UDP has none. */
export function flagsFit(door: DoorSpec, knock: Pick<Knock, 'protocol' | 'flags'>): boolean {
  if (knock.protocol === 'udp') return true;
  return door.flags.every((word) => {
    const wanted = !word.startsWith('!');
    const name = Object.entries(TCP_FLAGS).find(([flag]) => flag === word.replace('!', ''));
    return ((knock.flags & (name?.[1] ?? 0)) !== 0) === wanted;
  });
}

export function isStep(step: Step | undefined, knock: Pick<Knock, 'protocol' | 'port'>): boolean {
  return step?.port === knock.port && step.protocol === knock.protocol;
}

/** `198.18.0.1 tcp 7001 SYN+ACK`. */
export function knockText(knock: Knock): string {
  const names = Object.entries(TCP_FLAGS).filter(([, bit]) => (knock.flags & bit) !== 0);
  const flags = names.map(([name]) => name.toUpperCase()).join('+') || 'no flags';
  const more = `${knock.toTarget ? ` to ${TARGET}` : ''}${knock.options ? ', with IP options' : ''}`;
  return `${knock.source} ${knock.protocol} ${knock.port}${knock.protocol === 'tcp' ? ` ${flags}` : ''}${more}`;
}

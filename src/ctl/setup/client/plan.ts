import { didYouMean } from '../../../config/nearest.js';
import type { Config, DoorSettings, ServiceSettings } from '../../../config/settings.js';
import { chosenService } from '../../../firewall/model/service.js';
import { ok, refuse, type Result } from '../../../base/result.js';
import { TCP_FLAGS, type Step } from '../../../knock/door.js';

/** What somebody needs who is to knock at a door. */
export interface ClientPlan {
  readonly door: string;
  readonly host: string;
  readonly steps: readonly Step[];
  /** Between two knocks, in milliseconds. */
  readonly delayMs: number;
  /** The first TCP port of the service that the door lets in to; undefined where there is none. */
  readonly port: number | undefined;
  readonly service: string | undefined;
  /** Whether a door forgives a packet that comes twice. */
  readonly tolerant: boolean;
}

/** Half of a door's time is left to slow lines. */
const SHARE = 0.5;
const DELAY_MS = 200;

/** The door that a name means: a door, or the first that lets in to a service of that name. */
export function findDoor(config: Config, name: string): Result<DoorSettings> {
  const { doors, settings } = config;
  const named = doors.find(({ door }) => door.name === name);
  const byService = doors.find((door) => servedBy(door, settings.services)?.name === name);
  const found = named ?? byService;
  if (found === undefined) return refuse(noDoor(config, name));
  const { door, oneTime } = found;
  if (oneTime !== undefined) {
    return refuse(
      `${door.name} has one-time sequences, each of which is used up by a knock: give its file to the client by hand`,
    );
  }
  // What clients send is a SYN and nothing else.
  if (
    door.sequence.some(({ protocol }) => protocol === 'tcp') &&
    (TCP_FLAGS.syn & door.flags.mask) !== door.flags.value
  ) {
    return refuse(
      `${door.name} counts packets with other tcpflags than a lone SYN, which no ordinary program can send`,
    );
  }
  return ok(found);
}

/** What a client needs for a door. */
export function planFor(config: Config, { door, ...found }: DoorSettings, host: string): ClientPlan {
  const service = servedBy({ door, ...found }, config.settings.services);
  const gaps = Math.max(1, door.sequence.length - 1);
  const delayMs = Math.min(DELAY_MS, Math.floor((door.windowMs * SHARE) / gaps));
  return {
    door: door.name,
    host,
    steps: door.sequence,
    delayMs: Math.max(0, delayMs),
    port: service?.protocol === 'tcp' ? service.ports[0] : undefined,
    service: service?.name,
    tolerant: config.settings.listener.duplicates === 'tolerate',
  };
}

/** The service that a door lets in to. */
function servedBy(
  { actions }: DoorSettings,
  services: readonly ServiceSettings[],
): ServiceSettings | undefined {
  for (const { start } of [actions[4], actions[6]]) {
    if (start?.kind === 'verb' && start.verb === 'accept') return chosenService(services, start.service);
  }
  return undefined;
}

function noDoor({ doors, settings }: Config, name: string): string {
  if (settings.services.some((service) => service.name === name)) return `no door lets in to ${name}`;
  const names = doors.map(({ door }) => door.name);
  const known = names.length === 0 ? 'there are none' : `there are: ${names.join(', ')}`;
  return `no door and no service is called ${name}${didYouMean(name, names)}; ${known}`;
}

/** `7000 8000:udp 9000` */
export function portWords(steps: readonly Step[]): string[] {
  return steps.map(({ port, protocol }) => (protocol === 'udp' ? `${port}:udp` : String(port)));
}

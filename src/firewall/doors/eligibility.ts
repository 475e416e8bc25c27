import { COMMANDS, type DoorVerb, type KernelVerb } from '../../base/commands.js';
import type { Family } from '../../base/address.js';
import type { Door } from '../../knock/door.js';
import { chosenService } from '../model/service.js';
import { banTime, grantTime, isLonger, longestBan, longestGrant } from './times.js';
import type { Command, ConfiguredDoor, KnockedService } from './configured-door.js';

interface EligibilitySettings {
  /** The protected families. */
  readonly families: readonly Family[];
  readonly duplicates: 'strict' | 'tolerate';
}

/** What the rules do with the source of a complete knock. Times in seconds, 0 = permanent. */
export type KernelAction =
  | {
      readonly verb: 'accept';
      readonly service: string;
      readonly timeoutS: number;
      /** For a source banned by a door: whether a knock lifts the ban, or is ignored. */
      readonly lifts: boolean;
      /** Another door grants a longer time: an existing entry keeps its time, because a renewal could shorten it. */
      readonly keeps?: true;
    }
  | { readonly verb: 'drop'; readonly bans: readonly KernelBan[] }
  | { readonly verb: 'flush'; readonly services: readonly string[] };

/** A door's ban at one service. */
interface KernelBan {
  readonly service: string;
  readonly timeoutS: number;
  /** No other door bans for longer: a knock restarts the time of an existing ban. Otherwise that could shorten it. */
  readonly renews: boolean;
}

/** Where a door is recognised for one family: always by the listener, and with an action also by the kernel. */
export type Placement =
  | { readonly door: Door; readonly action: KernelAction }
  | { readonly door: Door; readonly action?: undefined; readonly reason: string };

/** Decides where each door is recognised for knocks of the family; all doors, in order. */
export function decideEligibility(
  doors: readonly ConfiguredDoor[],
  services: readonly KnockedService[],
  settings: EligibilitySettings,
  family: Family,
): Placement[] {
  return doors.map((configured) => {
    const { door } = configured;
    const action = obstacleOf(configured, settings, family) ?? actionOf(configured, services, doors, family);
    return typeof action === 'string' ? { door, reason: action } : { door, action };
  });
}

/** Returns why the kernel cannot open the door, whatever its command. */
function obstacleOf(
  { door, oneTime }: ConfiguredDoor,
  settings: EligibilitySettings,
  family: Family,
): string | undefined {
  if (!settings.families.includes(family)) return `IPv${family} is not among [firewall] families`;
  if (door.target !== undefined && door.target.family !== family) {
    return `its target is an IPv${door.target.family} address`;
  }
  if (oneTime !== undefined) return 'its sequences are one-time, and the kernel cannot mark one as used';
  if (door.sequence.length > 1 && door.windowMs <= 0) {
    return `it never opens: its seq_timeout is ${door.windowMs / 1000}`;
  }
  if (settings.duplicates === 'tolerate' && repeatsTcp(door)) {
    return 'duplicates = tolerate, and it has the same TCP port twice in a row: the kernel cannot tell a knock from a copy';
  }
  return undefined;
}

function repeatsTcp({ sequence }: Door): boolean {
  return sequence.some(({ protocol, port }, at) => {
    const next = sequence[at + 1];
    return protocol === 'tcp' && next?.protocol === 'tcp' && next.port === port;
  });
}

function actionOf(
  configured: ConfiguredDoor,
  services: readonly KnockedService[],
  doors: readonly ConfiguredDoor[],
  family: Family,
): KernelAction | string {
  const { start, stop } = configured.actions[family];
  if (start === undefined) return 'it has no command';
  if (start.kind === 'shell') return 'its command is a shell command';
  if (!isKernelVerb(start.verb)) {
    return `${start.verb} is permanent, and only knockctl itself manages the trusted list`;
  }
  const obstacle = stop === undefined ? undefined : stopProblem(stop);
  if (obstacle !== undefined) return obstacle;
  const service = start.verb === 'accept' ? chosenService(services, start.service) : undefined;
  const touched = start.verb === 'accept' ? (service === undefined ? [] : [service]) : services;
  if (touched.length === 0) return 'there is no service for it to act on';
  const off = touched.find((one) => !one.kernelDoors);
  if (off !== undefined) return `[service.${off.name}] has kernel_doors = no`;
  if (start.verb === 'accept' && service !== undefined) {
    const timeoutS = grantTime(configured, service, family);
    const isShorter = isLonger(longestGrant(doors, services, service) ?? timeoutS, timeoutS);
    return {
      ...{ verb: 'accept', service: service.name, timeoutS, lifts: service.decoys === 'until_knock' },
      ...(isShorter ? { keeps: true } : {}),
    };
  }
  if (start.verb === 'flush') return { verb: 'flush', services: touched.map(({ name }) => name) };
  const bans = touched.map((one) => {
    const timeoutS = banTime(configured, one, family);
    return { service: one.name, timeoutS, renews: timeoutS === longestBan(doors, one) };
  });
  return { verb: 'drop', bans };
}

/** Stop commands run in the supervisor; the kernel can only do what a timeout does. */
function stopProblem(stop: Command): string | undefined {
  if (stop.kind === 'shell') return 'its stop command is a shell command';
  if (stop.verb === 'flush' || stop.verb === 'drop') return undefined;
  return `its stop command is ${stop.verb}, which a timeout in the kernel cannot do`;
}

function isKernelVerb(verb: DoorVerb): verb is KernelVerb {
  return COMMANDS[verb].inKernel;
}

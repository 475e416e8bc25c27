import { COMMANDS, type DoorVerb, type KernelVerb } from '../../base/commands.js';
import type { Family } from '../../base/address.js';
import type { Door } from '../../knock/door.js';
import { chosenService } from '../model/service.js';
import { banTime, grantTime, isLonger, longestBan, longestGrant } from './times.js';
import type { Command, ConfiguredDoor, KnockedService } from './configured-door.js';

interface EligibilitySettings {
  /** The families that are protected. */
  readonly families: readonly Family[];
  readonly duplicates: 'strict' | 'tolerate';
}

/** What the rules do for the source of a whole knock. Times in seconds, 0 being for ever. */
export type KernelAction =
  | {
      readonly verb: 'accept';
      readonly service: string;
      readonly timeoutS: number;
      /** Whom a door has banned: is let in all the same, and banned no more; else not let in. */
      readonly lifts: boolean;
      /** Another door lets in for longer there: who is in keeps the time that he has. Else a knock would shorten it. */
      readonly keeps?: true;
    }
  | { readonly verb: 'drop'; readonly bans: readonly KernelBan[] }
  | { readonly verb: 'flush'; readonly services: readonly string[] };

/** What a door's ban is at one service. */
interface KernelBan {
  readonly service: string;
  readonly timeoutS: number;
  /** No door bans for longer there: who is banned already is so for the whole time again. Else that would shorten it. */
  readonly renews: boolean;
}

/** Where a door is recognised for one family: by the listener in any case, and with an action by the kernel too. */
export type Placement =
  | { readonly door: Door; readonly action: KernelAction }
  | { readonly door: Door; readonly action?: undefined; readonly reason: string };

/** Where each door is recognised for knocks of the family; all doors, in their order. */
export function decideEligibility(
  doors: readonly ConfiguredDoor[],
  services: readonly KnockedService[],
  settings: EligibilitySettings,
  family: Family,
): Placement[] {
  return doors.map((configured) => {
    const { door } = configured;
    const action = problemOf(configured, settings, family) ?? actionOf(configured, services, doors, family);
    return typeof action === 'string' ? { door, reason: action } : { door, action };
  });
}

/** What no start command could fix. */
function problemOf(
  { door, oneTime }: ConfiguredDoor,
  settings: EligibilitySettings,
  family: Family,
): string | undefined {
  if (!settings.families.includes(family)) return `IPv${family} is not among [firewall] families`;
  if (door.target !== undefined && door.target.family !== family) {
    return `its target is an IPv${door.target.family} address`;
  }
  if (oneTime !== undefined) return 'each of its sequences opens it once, and the kernel uses none up';
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
  if (start.kind === 'shell') return 'its command is a line for the shell';
  if (!isKernelVerb(start.verb)) {
    return `${start.verb} is for ever, and only knockctl itself keeps the list of the trusted`;
  }
  const problem = stop === undefined ? undefined : stopProblem(stop);
  if (problem !== undefined) return problem;
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

/** Stop commands stay with the supervisor; the kernel can only do what a time-out does. */
function stopProblem(stop: Command): string | undefined {
  if (stop.kind === 'shell') return 'its stop command is a line for the shell';
  if (stop.verb === 'flush' || stop.verb === 'drop') return undefined;
  return `its stop command is ${stop.verb}, which no time-out in the kernel does`;
}

function isKernelVerb(verb: DoorVerb): verb is KernelVerb {
  return COMMANDS[verb].inKernel;
}

import type { DoorVerb } from '../../base/commands.js';
import type { Family } from '../../base/address.js';
import type { Door } from '../../knock/door.js';

/** Which doors the kernel can recognise by itself, and why it cannot the others. Pure. */

/** A command of a door, as far as it matters here (config's DoorCommand). */
export type Command =
  | { readonly kind: 'shell'; readonly line: string }
  | {
      readonly kind: 'verb';
      readonly verb: DoorVerb;
      readonly timeoutS: number | undefined;
      readonly service: string | undefined;
      readonly line: string;
    };

/** A door and what it triggers (config's DoorSettings). */
export interface ConfiguredDoor {
  readonly door: Door;
  readonly actions: Readonly<
    Record<Family, { readonly start: Command | undefined; readonly stop: Command | undefined }>
  >;
  /** From the start command to the stop command. */
  readonly cmdTimeoutMs: number;
  /** Present where the door's sequences are used once each. */
  readonly oneTime: object | undefined;
}

/** A service that verbs act on (config's ServiceSettings). Times in seconds, 0 being for ever. */
export interface KnockedService {
  readonly name: string;
  readonly acceptTimeoutS: number;
  /** Of bans by doors. */
  readonly decoyTimeoutS: number;
  /** Whether a knock lifts a ban by a door. */
  readonly decoys: 'keep' | 'until_knock';
  readonly kernelDoors: boolean;
}

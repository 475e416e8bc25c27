import type { DoorVerb } from '../../base/commands.js';
import type { Family } from '../../base/address.js';
import type { Door } from '../../knock/door.js';

/** Doors and services as the configuration has them. Pure. */

/** The part of a door's command that matters here (config's DoorCommand). */
export type Command =
  | { readonly kind: 'shell'; readonly line: string }
  | {
      readonly kind: 'verb';
      readonly verb: DoorVerb;
      readonly timeoutS: number | undefined;
      readonly service: string | undefined;
      readonly line: string;
    };

/** A door and its commands (config's DoorSettings). */
export interface ConfiguredDoor {
  readonly door: Door;
  readonly actions: Readonly<
    Record<Family, { readonly start: Command | undefined; readonly stop: Command | undefined }>
  >;
  /** The time from the start command to the stop command. */
  readonly cmdTimeoutMs: number;
  /** Present if each of the door's sequences may be used once. */
  readonly oneTime: object | undefined;
}

/** A service that verbs act on (config's ServiceSettings). Times in seconds, 0 = permanent. */
export interface KnockedService {
  readonly name: string;
  readonly acceptTimeoutS: number;
  /** The timeout of bans by doors. */
  readonly decoyTimeoutS: number;
  /** Whether a knock lifts a ban by a door. */
  readonly decoys: 'keep' | 'until_knock';
  readonly kernelDoors: boolean;
}

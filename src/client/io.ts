import type { Family } from '../base/address.js';
import type { Result } from '../base/result.js';
import type { Command } from './arguments.js';
import type { Route } from './route.js';
import type { Target } from './send.js';

/** What the client needs of the system; system.ts implements it. */
export interface KnockIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly version: () => string;
  /** The text of /etc/services. */
  readonly services: () => string;
  /** Returns the text of a file, `-` for standard input; throws if it cannot be read. */
  readonly read: (file: string) => string;
  /** Resolves the folder with a file for each `knock NAME`; undefined where there is no home. */
  readonly profiles: () => string | undefined;
  /** The address to knock at; rejects if the host has none of the family. */
  readonly resolve: (host: string, family: Family | undefined) => Promise<string>;
  /** How to send to the address so that it leaves by the interface; see route.ts. */
  readonly routeThrough: (address: string, name: string) => Promise<Result<Route>>;
  readonly send: (target: Target) => Promise<void>;
  readonly sleep: (ms: number) => Promise<void>;
  /** Runs a command, and returns its exit code; rejects if it cannot be started. See command.ts. */
  readonly command: (command: Command) => Promise<number>;
}

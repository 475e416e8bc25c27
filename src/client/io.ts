import type { Family } from '../base/address.js';
import type { Result } from '../base/result.js';
import type { Command } from './arguments.js';
import type { Way } from './route.js';
import type { Target } from './send.js';

/** What the client needs of the world; system.ts has the real one. */
export interface KnockIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly version: () => string;
  /** The text of /etc/services. */
  readonly services: () => string;
  /** The text of a file, `-` being standard input; throws where it cannot be read. */
  readonly read: (file: string) => string;
  /** The folder with a file for each `knock NAME`; undefined where there is no home. */
  readonly profiles: () => string | undefined;
  /** The address to knock at; rejects where the host has none of the family. */
  readonly resolve: (host: string, family: Family | undefined) => Promise<string>;
  /** How to send to the address so that it leaves by the interface; see route.ts. */
  readonly wayOut: (address: string, name: string) => Promise<Result<Way>>;
  readonly send: (target: Target) => Promise<void>;
  readonly sleep: (ms: number) => Promise<void>;
  /** Runs a command to its end and gives its exit code; rejects where it cannot be started. See command.ts. */
  readonly command: (command: Command) => Promise<number>;
}

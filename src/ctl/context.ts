import type { Config } from '../config/settings.js';
import type { SetSpec } from '../firewall/sets/set-specs.js';
import type { UnconfirmedTrial } from '../runtime/generation/trial-record.js';
import type { Reply, Request } from '../wire/control.js';
import type { ExposureReport, Finding, Recognised, ServiceReport } from '../wire/reports.js';
import type { RunPaths } from '../config/paths.js';
import type { Output } from './output.js';

/** Whom rules of the host let in. */
export interface LetIn {
  /** Networks that rules name. */
  readonly sources: readonly string[];
  /** Rules for some who are told by something else than their address. */
  readonly others: readonly string[];
}

/** What commands do with the kernel themselves while no supervisor runs. */
interface DirectActions {
  answer(request: Request): Promise<Reply>;
  setup(): Promise<ServiceReport[]>;
  clear(): Promise<string[]>;
  report(): Promise<ServiceReport[]>;
}

/** What a command works with. */
export interface Context {
  readonly output: Output;
  /** The file given with -c. */
  readonly file: string | undefined;
  /** Where the caller's own SSH session comes from, if there is one. */
  readonly session: string | undefined;
  /** The port that it came in by. */
  readonly sessionPort: number | undefined;
  /** The address of this host that it came in by. */
  readonly sessionHost: string | undefined;
  /** Paths of the run folder: read without regard to faults elsewhere in the configuration. */
  paths(): RunPaths;
  /** The whole configuration; throws ConfigError, for files that others could have written too. */
  config(): Config;
  /** The same without what others could have written (Config.leftOut). Throws ConfigError. */
  believed(): Config;
  /** What is noted of a trial of just this configuration that was not confirmed; undefined where there was none. */
  triedInVain(config: Config): Promise<UnconfirmedTrial | undefined>;
  /** Where the doors of a configuration are recognised, in their order. */
  recognised(config: Config): Promise<readonly Recognised[]>;
  /** What of the rules in force keeps others from being read, the worst first; stands with a context of tests for nothing. */
  inTheWay?(): Promise<readonly Finding[]>;
  /** What will go wrong with it, as far as that can be told without root; stands with a context of tests for nothing. */
  pitfalls?(config: Config): Promise<readonly string[]>;
  /** What decides about its services before our rules in force do; nothing where it cannot be asked, for want of rights. */
  exposures(config: Config): Promise<readonly ExposureReport[]>;
  /** Actions on the kernel itself, loaded when they are needed. */
  direct(config: Config): Promise<DirectActions>;
  /** What `on_failure` gives, from now on, and the rules as they are saved to files: gives their paths. Needs no configuration. */
  applyOnFailure(): Promise<string[]>;
  /** Makes sets that are missing, with what is remembered of their entries; where no configuration tells, empty. Gives their names. */
  provideSets(specs: readonly SetSpec[]): Promise<string[]>;
  /** Whom the rules of this host let in to a TCP port, before knockctl is there; undefined where they cannot be read. */
  letIn(port: number): Promise<LetIn | undefined>;
  /** What is found out about this host, the worst first. */
  examine(): Promise<readonly Finding[]>;
  /** The text of a file, if it is there and can be read; stands with a context of tests for none. */
  readOptional?(path: string): string | undefined;
  /** The text of a file, or of standard input for `-`. */
  readInput(path: string): string;
}

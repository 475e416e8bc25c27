import { join, resolve } from 'node:path';

import { describeError, EXIT, KnockError } from '../../base/errors.js';
import type { FrontOptions, LoadOptions } from '../../config/load-options.js';
import { runPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import { makePrivateFolder } from '../../system/files.js';
import type { ConsoleStyle } from '../../system/log.js';
import { version } from '../../system/version.js';
import { printConfig } from '../setup/check.js';
import {
  DEFAULT_PID_FILE,
  parseKnockdOptions,
  USAGE,
  type KnockdRequest,
} from '../../config/knockd/knockd-options.js';
import type { Output } from '../output.js';
import { startSupervisor } from '../lifecycle/start-supervisor.js';
import { SupervisorProcess } from '../lifecycle/supervisor-process.js';

/** What the front needs from outside. */
interface FrontParts {
  readonly output: Output;
  readonly isRoot: boolean;
  /** Whether another user may open captures: then doors run their commands as that user, and nothing is protected. */
  readonly mayCapture?: boolean;
  /** Where such a user may write: a folder of the user's own. */
  readonly ownFolder?: string;
  /** Reads the configuration. Throws ConfigError. */
  load(options: LoadOptions): Config;
  /** The supervisor in the foreground; gives its exit code. Rejects where it could not begin. */
  supervise(options: LoadOptions, console: ConsoleStyle): Promise<number>;
}

/** Does what `knockd` with these words is asked to do; gives the exit code. Rejects nothing. */
export async function runFront(argv: readonly string[], parts: FrontParts): Promise<number> {
  const { output } = parts;
  const request = parseKnockdOptions(argv);
  if (!request.ok) {
    output.err(`knockd: ${request.reason}\n  knockd -h tells what there is\n`);
    return EXIT.usage;
  }
  if (request.value.kind !== 'run') {
    output.out(request.value.kind === 'help' ? USAGE : `knockd of knockctl ${version()}\n`);
    return EXIT.ok;
  }
  try {
    return await run(request.value, parts);
  } catch (error) {
    const { exitCode, text, hint } = describeError(error);
    output.err(`knockd: ${text}\n${hint === undefined ? '' : `  ${hint}\n`}`);
    return exitCode;
  }
}

async function run(request: KnockdRequest, parts: FrontParts): Promise<number> {
  if (!parts.isRoot && parts.mayCapture !== true) throw forRoot('knockd is for root only');
  const front = absolute(request.front);
  const options: LoadOptions = {
    front: parts.isRoot ? front : ownPlaces(request.front, front, parts.ownFolder ?? '/tmp/knockd'),
  };
  const config = parts.load(options);
  if (!parts.isRoot && config.settings.services.length > 0) {
    throw forRoot(
      `${config.settings.services[0]?.name ?? ''} is a service to be protected, which is for root only`,
    );
  }
  if (request.debug) printConfig(parts.output, config, []);
  if (request.daemon) return daemonize(options, config, parts.output);
  return parts.supervise(options, request.verbose || request.debug ? 'plain' : 'faults');
}

function forRoot(text: string): KnockError {
  return new KnockError(text, {
    exitCode: EXIT.notRoot,
    hint: 'run it as root (sudo); with CAP_NET_RAW another user may run doors that only have commands, without a service',
  });
}

/** The places of a user who may not write where root does. */
function ownPlaces(asked: FrontOptions, front: FrontOptions, folder: string): FrontOptions {
  const pidFile = asked.pidFile === undefined ? join(folder, 'knockd.pid') : front.pidFile;
  return {
    ...front,
    ...(pidFile === undefined ? {} : { pidFile }),
    run: join(folder, 'run'),
    state: join(folder, 'state'),
  };
}

/** Returns once the supervisor runs in the background: its pid file is there by then, and knocks are heard. */
async function daemonize(options: LoadOptions, { settings }: Config, output: Output): Promise<number> {
  const places = runPaths(settings.paths);
  makePrivateFolder(settings.paths.run);
  makePrivateFolder(settings.paths.state);
  if (new SupervisorProcess(places).noted() !== undefined) {
    throw new KnockError(`knockctl is running already, by this name or its own (it holds ${places.lock})`, {
      hint: 'another one beside it needs a knockctl.conf with folders of its own: knockctl -c FILE start',
    });
  }
  const { exitCode, text, hint, keepsRunning: goesOn } = await startSupervisor(options, places.log);
  if (exitCode !== EXIT.ok) output.err(`knockd: ${text}\n${hint === undefined ? '' : `  ${hint}\n`}`);
  // An init script that is told of a failure would not stop what goes on trying.
  return goesOn ? EXIT.ok : exitCode;
}

/** The supervisor works in another folder. */
function absolute(front: FrontOptions): FrontOptions {
  const { doors, logFile, pidFile = DEFAULT_PID_FILE } = front;
  return {
    ...front,
    pidFile: resolve(pidFile),
    ...(doors === undefined ? {} : { doors: resolve(doors) }),
    ...(logFile === undefined ? {} : { logFile: resolve(logFile) }),
  };
}

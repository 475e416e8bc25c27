import { spawn, type ChildProcess } from 'node:child_process';
import { Writable } from 'node:stream';

import winston from 'winston';

import { errorText } from '../base/errors.js';
import { oneLine, quietJson } from '../base/printable.js';
import { WarnOnce } from '../base/warn-once.js';
import { CHILD_ENV } from './exec-env.js';
import { LogFile } from './log-file.js';
import { Outlet } from './outlet.js';
import { findTool } from './tools.js';

export type LogFields = Readonly<Record<string, unknown>>;

/** Where the program says what it does: a fixed message, with fields. */
export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

/**
 * What a terminal sees: nothing; every line as in a file, on standard error; every line without its time, faults on
 * standard error and the others on standard output (knockd -v); only the faults, on standard error (knockd).
 */
export type ConsoleStyle = 'none' | 'file' | 'plain' | 'faults';

export interface LogSettings {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly file: string | undefined;
  /** Rotate the file at this size, keeping one old one; undefined: the administrator's logrotate does it. */
  readonly maxFileBytes: number | undefined;
  readonly syslog: boolean;
  readonly json: boolean;
  readonly console: ConsoleStyle;
}

/** A log that owns files and a helper process until it is closed. */
export interface OwnedLog extends Log {
  /** Begins the file anew under its name, as logrotate(8) asks for; faults are told once more. */
  reopen(): void;
  /** Why the file cannot be written now; undefined where it can, or there is none. */
  readonly problem: string | undefined;
  close(): Promise<void>;
}

const MESSAGE: unique symbol = Symbol.for('message');
/** Bytes that wait for logger(1), which may hang. */
const MAX_UNSENT = 256 * 1024;
const SYSLOG_PRIORITY: Readonly<Record<string, number>> = { error: 27, warn: 28, info: 30, debug: 31 };

/**
 * The log by winston. Text lines are knockd's, `[YYYY-MM-DD HH:MM] message`, so a message says all by
 * itself; JSON has one object a line, with the fields and an ISO time stamp. A place that cannot be
 * written is reported on standard error, once, and stops nothing.
 */
export function openLog(
  settings: LogSettings,
  tell: (text: string) => void = (text) => {
    new Outlet(2).write(text);
  },
): OwnedLog {
  const transports: winston.transport[] = [];
  const streams: Writable[] = [];
  let file: LogFile | undefined;
  const once = new WarnOnce();
  const fault = (error: Error): void => {
    if (once.begins('fault')) tell(`knockctl: the log cannot be written: ${errorText(error)}\n`);
  };
  const terminal = new TerminalStream(fault);
  streams.push(terminal);
  transports.push(...consoleTransports(settings.console, terminal));
  if (settings.file !== undefined) {
    file = new LogFile(settings.file, settings.maxFileBytes, fault);
    streams.push(file);
    transports.push(new winston.transports.Stream({ stream: file }));
  }
  if (settings.syslog) {
    const stream = new SyslogStream();
    streams.push(stream);
    transports.push(new winston.transports.Stream({ stream, format: syslogLine }));
  }
  const logger = winston.createLogger({
    level: settings.level,
    silent: transports.length === 0,
    format: winston.format.combine(winston.format.timestamp(), settings.json ? jsonLine : textLine),
    transports,
    exitOnError: false,
  });
  logger.on('error', fault);
  const at =
    (level: keyof Log) =>
    (message: string, fields: LogFields = {}) =>
      void logger.log({ level, message, fields });
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    problem: file?.fault,
    reopen: () => {
      once.ends('fault');
      file?.reopen();
    },
    close: async () => close(logger, streams),
  };
}

async function close(logger: winston.Logger, streams: readonly Writable[]): Promise<void> {
  await new Promise((resolve) => {
    logger.once('finish', resolve);
    logger.end();
  });
  // winston leaves streams open that it was given.
  await Promise.all(streams.map(async (stream) => new Promise<void>((resolve) => stream.end(resolve))));
}

function consoleTransports(style: ConsoleStyle, stream: TerminalStream): winston.transport[] {
  const { Stream } = winston.transports;
  switch (style) {
    case 'none':
      return [];
    case 'file':
      stream.onOutput = new Set();
      return [new Stream({ stream })];
    case 'plain':
      return [new Stream({ stream, format: plainLine })];
    case 'faults':
      return [new Stream({ stream, format: plainLine, level: 'warn' })];
  }
}

/** What a terminal sees: lines of these levels on standard output, the others on standard error. */
class TerminalStream extends Writable {
  onOutput: ReadonlySet<string> = new Set(['info', 'debug']);
  readonly #output: Outlet;
  readonly #error: Outlet;

  constructor(fault: (error: Error) => void) {
    super({ objectMode: true });
    this.#output = new Outlet(1, fault);
    this.#error = new Outlet(2, fault);
  }

  override _write(
    info: winston.LogEntry & { readonly [MESSAGE]?: unknown },
    _encoding: string,
    done: () => void,
  ): void {
    const outlet = this.onOutput.has(info.level) ? this.#output : this.#error;
    outlet.write(`${String(info[MESSAGE])}\n`);
    done();
  }

  override _final(done: () => void): void {
    for (const outlet of [this.#output, this.#error]) outlet.close();
    done();
  }
}

/** One line, whatever a message holds: what came from outside must not forge a second one. */
function levelled({ level, message }: winston.Logform.TransformableInfo): string {
  return oneLine(`${level === 'info' ? '' : `${level}: `}${String(message)}`);
}

const two = (value: number): string => String(value).padStart(2, '0');

const textLine = winston.format((info) => {
  const now = new Date();
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const stamp = `[${day} ${two(now.getHours())}:${two(now.getMinutes())}]`;
  return { ...info, [MESSAGE]: `${stamp} ${levelled(info)}` };
})();

const jsonLine = winston.format.combine(
  winston.format.json(),
  winston.format((info) => ({ ...info, [MESSAGE]: quietJson(String(info[MESSAGE])) }))(),
);

const plainLine = winston.format((info) => ({ ...info, [MESSAGE]: levelled(info) }))();

const syslogLine = winston.format((info) => {
  const text = oneLine(String(info.message));
  return { ...info, [MESSAGE]: `<${SYSLOG_PRIORITY[info.level] ?? 30}>${text}` };
})();

/**
 * syslog by logger(1): Node cannot open a datagram socket of the Unix family, and an add-on for
 * that would be native code in a process that is root. One process for all lines; started again
 * at the next line where it ended.
 */
class SyslogStream extends Writable {
  #child: ChildProcess | undefined;

  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    const stdin = (this.#child ?? this.#start())?.stdin;
    if (stdin === undefined || stdin === null) {
      done();
      return;
    }
    // A line that syslog does not take is lost: nothing better can be done with it.
    if (stdin.writableLength < MAX_UNSENT) stdin.write(chunk);
    done();
  }

  override _final(done: () => void): void {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || stdin === null || stdin.destroyed) done();
    else stdin.end(done);
  }

  #start(): ChildProcess | undefined {
    const logger = findTool('logger');
    if (logger === undefined) return undefined;
    const argv = ['--tag', 'knockctl', `--id=${process.pid}`, '--prio-prefix', '--priority', 'daemon.info'];
    const child = spawn(logger, argv, { stdio: ['pipe', 'ignore', 'ignore'], env: CHILD_ENV, cwd: '/' });
    const gone = (): void => {
      if (this.#child === child) this.#child = undefined;
    };
    child.on('error', gone);
    child.on('exit', gone);
    child.stdin.on('error', gone);
    this.#child = child;
    return child;
  }
}

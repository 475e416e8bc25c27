import { createServer, type Server } from 'node:net';

import { CommanderError } from 'commander';

import type { Config } from '../../src/config/settings.js';
import type { Context } from '../../src/ctl/context.js';
import { makeProgram } from '../../src/ctl/cli/program.js';
import { runPaths } from '../../src/config/paths.js';
import { frame, FrameReader } from '../../src/wire/frames.js';
import type { ControlFrame, Reply, Request } from '../../src/wire/control.js';
import { readRequest } from '../../src/wire/control.js';
import { TempFolder } from '../helpers/temp.js';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** What the supervisor was asked; what was done directly where none was there. */
  readonly asked: readonly Request[];
  readonly direct: readonly Request[];
}

export interface Setting {
  /** What the supervisor sends to each request; undefined: there is no supervisor. */
  readonly frames?: readonly ControlFrame[] | undefined;
  readonly files?: Readonly<Record<string, string>>;
  readonly session?: string | undefined;
  readonly sessionPort?: number | undefined;
  readonly directReply?: Reply;
}

export const DONE: Reply = { exitCode: 0, remarks: [{ level: 'result', text: 'done' }], data: { verb: 'x' } };

/** Runs the command line with a supervisor of the test's, and gives what was asked, printed and exited with. */
export async function run(words: readonly string[], setting: Setting = {}): Promise<Ran> {
  using folder = new TempFolder();
  const paths = runPaths({
    doors: '',
    trusted: '',
    rules: '',
    run: folder.path,
    state: folder.path,
    pidFile: folder.file('pid'),
  });
  const asked: Request[] = [];
  const direct: Request[] = [];
  const frames = 'frames' in setting ? setting.frames : [{ type: 'reply', reply: DONE } as const];
  const server = frames === undefined ? undefined : await serve(paths.socket, frames, asked);
  let [code, out, err] = [-1, '', ''];
  const context = (options: { readonly json?: boolean }): Context => ({
    output: {
      json: options.json === true,
      colour: false,
      out: (text) => (out += text),
      err: (text) => (err += text),
    },
    file: undefined,
    session: setting.session,
    sessionPort: setting.sessionPort,
    sessionHost: undefined,
    examine: async () => Promise.resolve([]),
    provideSets: async () => Promise.resolve([]),
    letIn: async () => Promise.resolve(undefined),
    recognised: async () => Promise.resolve([]),
    exposures: async () => Promise.resolve([]),
    triedInVain: async () => Promise.resolve(undefined),
    paths: () => paths,
    config: () => ({}) as Config, // handed on to `direct`, which does not look into it
    believed: () => ({}) as Config,
    direct: async () =>
      Promise.resolve({
        answer: async (request) => {
          direct.push(request);
          return Promise.resolve(setting.directReply ?? DONE);
        },
        setup: async () => Promise.resolve([]),
        clear: async () => Promise.resolve([]),
        report: async () => Promise.resolve([]),
      }),
    applyOnFailure: async () => Promise.resolve([]),
    readInput: (path) => {
      const text = setting.files?.[path];
      if (text === undefined) throw new Error(`no such file ${path}`);
      return text;
    },
  });
  const parts = { version: '9', quiet: false, context, run: async () => Promise.resolve(42) };
  const program = makeProgram(parts, (result) => {
    code = result;
  });
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ writeOut: (text) => (out += text), writeErr: (text) => (err += text) });
  }
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    code = error.exitCode === 0 ? 0 : 64;
  } finally {
    server?.close();
  }
  return { code, out, err, asked, direct };
}

async function serve(path: string, frames: readonly ControlFrame[], asked: Request[]): Promise<Server> {
  const server = createServer((socket) => {
    const reader = new FrameReader(10_000_000, (message) => {
      asked.push(readRequest(message));
      socket.end(frames.map(frame).join(''));
    });
    socket.on('data', (chunk: Buffer) => {
      reader.push(chunk);
    });
    socket.on('error', () => socket.destroy());
  });
  return new Promise((resolve) => {
    server.listen(path, () => {
      resolve(server);
    });
  });
}

import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { errorText } from '../../base/errors.js';
import { asciiLine } from '../../base/printable.js';
import { program } from '../../system/install-paths.js';
import { requireDescriptors } from '../../system/descriptors.js';
import { CHILD_ENV } from '../../system/exec-env.js';
import { goAsOthers } from '../../system/oom.js';
import { requireTool } from '../../system/tools.js';
import { LISTENER_FD } from '../../wire/listener.js';
import { StderrTail } from './stderr-tail.js';
import { deniedAdvice } from './unread-program.js';

/** What becomes of a listener that was started. */
export interface ListenerFate {
  /** It can be talked to. Comes once, or not at all. */
  connected(channel: Duplex): void;
  /** It is gone, or could not be started: how, in words. Comes once, and last. */
  ended(how: string): void;
}

/** A listener that was started. */
export interface StartedListener {
  /** Undefined until it is known. */
  readonly pid: number | undefined;
  /** Ends it by SIGKILL: it holds nothing that would want to be put in order. */
  kill(): void;
}

/** Starts a listener; tests give another program. */
export type ListenerStarter = (fate: ListenerFate) => StartedListener;

/** What root may still do in the listener until it gives root up: open captures and change its user. */
const BOUNDING = '-all,+setuid,+setgid,+net_raw,+dac_read_search';
/** What it said before its end is read within this time. */
const DRAIN_MS = 500;

/** The command that starts a listener. */
export const LISTENER: readonly string[] = [
  process.execPath,
  '--max-old-space-size=128',
  program('listener'),
];

/** The real one: node itself, through setpriv(1), which takes away all that it will never need. */
export function listenerStarter(): ListenerStarter {
  const argv = process.getuid?.() === 0 ? limited() : LISTENER;
  return (fate) => {
    requireDescriptors();
    const [file = '', ...words] = argv;
    const child = spawn(file, words, {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: CHILD_ENV,
      cwd: '/',
    });
    goAsOthers(child.pid);
    return listenerChild(child, fate);
  };
}

/** The command through setpriv; another user than root has nothing to take away, and would lose what a file gives (setcap). */
function limited(): readonly string[] {
  const limits = ['--no-new-privs', `--bounding-set=${BOUNDING}`, '--inh-caps=-all'];
  return [requireTool('setpriv'), ...limits, '--', ...LISTENER];
}

/** A child of ours with the channel on descriptor LISTENER_FD. */
export function listenerChild(child: ChildProcess, fate: ListenerFate): StartedListener {
  const channel = child.stdio[LISTENER_FD];
  const words = new StderrTail();
  let hasEnded = false;
  const end = (how: string): void => {
    if (!hasEnded) fate.ended(how);
    hasEnded = true;
  };
  child.on('error', (error) => {
    end(`could not be started: ${errorText(error)}`);
  });
  child.on('exit', () => {
    // What it said is read by then. A process that it started must not hold up its end by holding its pipes.
    const late = setTimeout(() => {
      for (const stream of child.stdio) stream?.destroy();
    }, DRAIN_MS);
    child.once('close', () => {
      clearTimeout(late);
    });
  });
  child.on('close', (code, signal) => {
    const how = signal === null ? `exited with status ${String(code)}` : `was killed by ${signal}`;
    const said = asciiLine(String(words));
    end([[how, said].filter(Boolean).join(': '), deniedAdvice(said)].filter(Boolean).join('; '));
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    words.add(chunk.toString());
  });
  if (channel instanceof Socket) fate.connected(channel);
  return {
    pid: child.pid,
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}

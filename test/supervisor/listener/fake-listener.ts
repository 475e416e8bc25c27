import { spawn, type ChildProcess } from 'node:child_process';

import { listenerChild, type ListenerStarter } from '../../../src/supervisor/launch/listener-child.js';
import type { LoopbackProber } from '../../../src/supervisor/listener/loopback-probe.js';
import type { ListenerConfig } from '../../../src/wire/listener.js';

export const ORDER: ListenerConfig = {
  type: 'listen',
  interfaces: ['any'],
  families: [4, 6],
  user: 'nobody',
  beatMs: 500,
  reportOnly: false,
  tolerateDuplicates: false,
  doors: [],
  oneTime: [],
};

/** No loopback: a stand-in that cannot echo is believed by its beats. */
export const NO_SELF_KNOCK: LoopbackProber = {
  port: undefined,
  problem: undefined,
  send: () => undefined,
  age: () => undefined,
};

/** What a stand-in may say: lines on descriptor 3, in shell words. */
export const READY = `echo '{"type":"ready","interfaces":["any"]}' >&3`;
export const BEAT = `echo '{"type":"beat","packets":7}' >&3`;
export const KNOCK = `echo '{"type":"knock","door":1,"address":"192.0.2.7"}' >&3`;
/** Until the supervisor closes the channel, as the real one does. */
export const STAY = 'exec cat <&3 >/dev/null';

/** A tiny listener: a shell that has read its order, with the channel on descriptor 3. */
export function standIn(script: string): ListenerStarter & { readonly started: ChildProcess[] } {
  const started: ChildProcess[] = [];
  const start: ListenerStarter = (fate) => {
    const child = spawn('/bin/sh', ['-c', `read -r order <&3\n${script}`], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    started.push(child);
    return listenerChild(child, fate);
  };
  return Object.assign(start, { started });
}

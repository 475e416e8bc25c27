import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { errorText } from '../../base/errors.js';
import { requireDescriptors } from '../../system/descriptors.js';
import { readIfExists, removeFile } from '../../system/files.js';
import { killUnit, mainPid, runUnit } from '../../system/units.js';
import { summarize } from './stderr-tail.js';
import { LISTENER, type ListenerFate, type ListenerStarter, type StartedListener } from './listener-child.js';
import { unreadAdvice } from './unread-program.js';

/** What the unit of a listener may do is little enough for systemd-analyze(1) too. */
const PROPERTIES: readonly string[] = [
  'CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_NET_RAW CAP_DAC_READ_SEARCH',
  'NoNewPrivileges=yes',
  // Packets are captured by AF_PACKET; the host's addresses come by netlink. libpcap asks for a netmask by AF_INET, and does without.
  'RestrictAddressFamilies=AF_UNIX AF_PACKET AF_NETLINK',
  'IPAddressDeny=any',
  'ProtectProc=invisible',
  'ProtectSystem=strict',
  // Beside ProtectProc systemd leaves /run writable (measured, 252), /dev/shm and queues of messages always: /run/lock is everybody's.
  'ReadOnlyPaths=/run',
  'InaccessiblePaths=-/dev/shm -/dev/mqueue',
  'ProtectHome=yes',
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'ProtectControlGroups=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'LockPersonality=yes',
  'SystemCallArchitectures=native',
  'SystemCallErrorNumber=EPERM',
  'SystemCallFilter=@system-service',
  'KillSignal=SIGKILL',
  'UMask=0077',
  // What it says goes to a file of ours, which it must not grow: it writes no other.
  'LimitFSIZE=16K',
];
/** How often we look whether it has ended, until it has connected. */
const LOOK_MS = 500;

/**
 * Listeners in units of their own, for a supervisor in the unit `owner`: that needs none of the rights then that it takes
 * to open a capture, to become somebody else, and to end a process of somebody else's. They end with it, stuck or not.
 */
export function startListenerInUnit(owner: string, sockets: string): ListenerStarter {
  let count = 0;
  return (fate) => {
    requireDescriptors();
    count += 1;
    // At a reload the next one is there before the last one goes.
    const name = `${owner.replace(/\.service$/, '')}-listener-${process.pid}-${count}.service`;
    const path = `${sockets}${count}`;
    return new ListenerUnit(name, [`BindsTo=${owner}`, ...PROPERTIES], path, fate);
  };
}

/**
 * One of them. It connects to a socket of ours (`path`.sock), which is there for that one connection: systemd hands over no
 * descriptor. What it writes to standard error is in `path`.err, and told with its end.
 */
class ListenerUnit implements StartedListener {
  readonly #name: string;
  readonly #path: string;
  readonly #errors: string;
  readonly #fate: ListenerFate;
  readonly #server: Server;
  #channel: Socket | undefined;
  #pid: number | undefined;
  #isKilled = false;
  #hasEnded = false;

  constructor(name: string, properties: readonly string[], path: string, fate: ListenerFate) {
    this.#name = name;
    this.#path = `${path}.sock`;
    this.#errors = `${path}.err`;
    this.#fate = fate;
    for (const file of [this.#path, this.#errors]) removeFile(file);
    this.#server = createServer((channel) => {
      if (this.#channel !== undefined || this.#isKilled) channel.destroy();
      else void this.#connected(channel);
    });
    this.#server.on('error', (error) => {
      this.#failed(error);
    });
    this.#server.listen(this.#path, () => {
      const run = runUnit(
        name,
        [...LISTENER, this.#path],
        [...properties, `StandardError=file:${this.#errors}`],
      );
      run
        .then(async () => this.#untilConnected())
        .catch((error: unknown) => {
          this.#failed(error);
        });
    });
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  kill(): void {
    if (this.#isKilled) return;
    this.#isKilled = true;
    // It may be gone, or not be there yet: without the channel it is no use either, and ends by itself.
    void killUnit(this.#name)
      .catch(() => undefined)
      .finally(() => {
        this.#end(`was killed by SIGKILL${this.#said()}`);
      });
  }

  /** One that ends before it has connected tells by nothing else that it has. */
  async #untilConnected(): Promise<void> {
    while (this.#isAwaited()) {
      await sleep(LOOK_MS);
      const pid = await mainPid(this.#name).catch(() => 0); // systemctl may fail, or be late
      if (pid === undefined && this.#isAwaited()) this.#gone();
    }
  }

  #isAwaited(): boolean {
    return this.#channel === undefined && !this.#hasEnded;
  }

  async #connected(channel: Socket): Promise<void> {
    this.#channel = channel;
    this.#close();
    channel.on('error', () => undefined); // 'close' follows
    channel.on('close', () => {
      if (!this.#isKilled) this.#gone();
    });
    this.#pid = await mainPid(this.#name).catch(() => undefined);
    if (!this.#isKilled) this.#fate.connected(channel);
  }

  #gone(): void {
    const said = this.#said();
    this.#end(`its unit has ended${said}; ${unreadAdvice(said) || `journalctl -u ${this.#name} tells more`}`);
  }

  #failed(error: unknown): void {
    const how = `${errorText(error)}${this.#said()}`;
    this.#end([`could not be started: ${how}`, unreadAdvice(how)].filter(Boolean).join('; '));
  }

  #said(): string {
    try {
      const words = summarize(readIfExists(this.#errors) ?? '');
      return words === '' ? '' : `: ${words}`;
    } catch {
      return '';
    }
  }

  /** Nobody else is to connect. */
  #close(): void {
    this.#server.close();
    removeFile(this.#path);
  }

  #end(how: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#close();
    this.#channel?.destroy();
    removeFile(this.#errors);
    this.#fate.ended(how);
  }
}

import { createServer, type Server, type Socket } from 'node:net';

import { errorText } from '../base/errors.js';
import { requireDescriptors } from '../system/descriptors.js';
import { removeFile } from '../system/files.js';
import { killUnit, mainPid, runUnit } from '../system/units.js';
import {
  LISTENER,
  type ListenerFate,
  type ListenerStarter,
  type StartedListener,
} from './listener-starter.js';

/** What the unit of a listener may do is little enough for systemd-analyze(1) too. */
const PROPERTIES: readonly string[] = [
  'CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_NET_RAW CAP_DAC_READ_SEARCH',
  'NoNewPrivileges=yes',
  // Packets are captured by AF_PACKET; the host's addresses come by netlink. libpcap asks for a netmask by AF_INET, and does without.
  'RestrictAddressFamilies=AF_UNIX AF_PACKET AF_NETLINK',
  'IPAddressDeny=any',
  'ProtectProc=invisible',
  'ProtectSystem=strict',
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
];

/**
 * Listeners in units of their own, for a supervisor in the unit `owner`: that needs none of the rights then that it takes
 * to open a capture, to become somebody else, and to end a process of somebody else's. They end with it, stuck or not.
 */
export function listenerUnitStarter(owner: string, runFolder: string): ListenerStarter {
  let count = 0;
  return (fate) => {
    requireDescriptors();
    count += 1;
    // At a reload the next one is there before the last one goes.
    const name = `${owner.replace(/\.service$/, '')}-listener-${process.pid}-${count}.service`;
    return new ListenerUnit(
      name,
      [`BindsTo=${owner}`, ...PROPERTIES],
      `${runFolder}/listener-${count}.sock`,
      fate,
    );
  };
}

/** One of them. It connects to a socket of ours, which is there for that one connection: systemd hands over no descriptor. */
class ListenerUnit implements StartedListener {
  readonly #name: string;
  readonly #path: string;
  readonly #fate: ListenerFate;
  readonly #server: Server;
  #channel: Socket | undefined;
  #pid: number | undefined;
  #isKilled = false;
  #hasEnded = false;

  constructor(name: string, properties: readonly string[], path: string, fate: ListenerFate) {
    this.#name = name;
    this.#path = path;
    this.#fate = fate;
    removeFile(path);
    this.#server = createServer((channel) => {
      if (this.#channel !== undefined || this.#isKilled) channel.destroy();
      else void this.#connected(channel);
    });
    this.#server.on('error', (error) => {
      this.#failed(error);
    });
    this.#server.listen(path, () => {
      runUnit(name, [...LISTENER, path], properties).catch((error: unknown) => {
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
        this.#end('was killed by SIGKILL');
      });
  }

  async #connected(channel: Socket): Promise<void> {
    this.#channel = channel;
    this.#close();
    channel.on('error', () => undefined); // 'close' follows
    channel.on('close', () => {
      if (!this.#isKilled) this.#end(`its unit has ended; journalctl -u ${this.#name} tells more`);
    });
    this.#pid = await mainPid(this.#name).catch(() => undefined);
    if (!this.#isKilled) this.#fate.connected(channel);
  }

  #failed(error: unknown): void {
    this.#end(`could not be started: ${errorText(error)}`);
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
    this.#fate.ended(how);
  }
}

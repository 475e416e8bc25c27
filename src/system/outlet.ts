import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

import { asError } from '../base/errors.js';
import { isErrno } from './files.js';

/** So much waits for a reader that is slow; what comes then is lost. */
const MAX_WAITING = 64 * 1024;
/** A reader that was slow is tried again after so long. */
const AGAIN_MS = 200;

/**
 * Standard output or error, as a place for lines that must hold nothing up: whoever reads may be gone (EPIPE), the disk full
 * (ENOSPC), a pipe or a terminal stopped. Node itself waits there without end: it writes to pipes and terminals as to files.
 */
export class Outlet {
  readonly #descriptor: number;
  readonly #fault: (error: Error) => void;
  #target: number | Socket | undefined;
  #waiting = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;

  /** `fault`: told of each line that is lost. */
  constructor(descriptor: 1 | 2, fault: (error: Error) => void = () => undefined) {
    this.#descriptor = descriptor;
    this.#fault = fault;
  }

  write(text: string): void {
    try {
      this.#target ??= openOutlet(this.#descriptor);
      if (this.#target instanceof Socket) this.#send(this.#target, text);
      else this.#append(text);
    } catch (error) {
      this.#fault(asError(error));
    }
  }

  /** For the last time: what waits now is lost. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#target instanceof Socket) this.#target.destroySoon();
  }

  #send(socket: Socket, text: string): void {
    if (socket.listenerCount('error') === 0) {
      socket.on('error', (error) => {
        this.#fault(error);
        this.#target = undefined;
      });
    }
    if (socket.writableLength > MAX_WAITING) throw new Error('its reader is too slow');
    socket.write(text);
  }

  #append(text: string): void {
    if (this.#waiting.length > MAX_WAITING) throw new Error('its reader is too slow');
    this.#waiting = Buffer.concat([this.#waiting, Buffer.from(text)]);
    this.#flush();
  }

  #flush(): void {
    const target = this.#target;
    if (typeof target !== 'number') return;
    try {
      while (this.#waiting.length > 0)
        this.#waiting = this.#waiting.subarray(writeSync(target, this.#waiting));
    } catch (error) {
      if (isErrno(error, 'EAGAIN')) {
        this.#later();
        return;
      }
      this.#waiting = Buffer.alloc(0);
      throw error;
    }
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      try {
        this.#flush();
      } catch {
        // lost; the next line tells it
      }
    }, AGAIN_MS).unref();
  }
}

/**
 * What is written to so that nothing waits: a pipe or terminal opened anew, since O_NONBLOCK belongs to the open file, which
 * others have too; a socket by the event loop; a file as it is.
 */
function openOutlet(descriptor: number): number | Socket {
  const stat = fstatSync(descriptor);
  if (stat.isSocket()) return new Socket({ fd: descriptor, readable: false, writable: true });
  if (!stat.isFIFO() && !stat.isCharacterDevice()) return descriptor;
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  try {
    return openSync(`/proc/self/fd/${descriptor}`, flags);
  } catch (error) {
    // Nobody reads it; else it is somebody else's terminal, or there is no /proc.
    if (isErrno(error, 'ENXIO')) throw error;
    return descriptor;
  }
}

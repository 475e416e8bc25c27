/** What we use of unix-dgram 2, which brings no types. */
declare module 'unix-dgram' {
  import type { EventEmitter } from 'node:events';

  export interface UnixDatagramSocket extends EventEmitter {
    /** Sends one datagram; errors are emitted. */
    send(data: Buffer, offset: number, length: number, path: string): void;
    close(): void;
  }

  const unix: { createSocket(type: 'unix_dgram'): UnixDatagramSocket };
  export default unix;
}

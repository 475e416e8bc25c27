/** The part of the `cap` package (0.2.1, as init/cap.patch makes it) that we use; it ships no types. */
declare module 'cap' {
  import type { EventEmitter } from 'node:events';

  export class Cap extends EventEmitter {
    /** Present and true in the patched module. */
    static readonly isQuiet?: boolean;
    /**
     * Opens a live capture and returns the name of its link type. `buffer` is overwritten by each
     * packet and must be kept from the garbage collector by the caller. With the last two arguments, which are of the patch, it is
     * quiet: not promiscuous, cut to `snapLength` bytes, read each `pollMs`, its filter locked. Throws Error.
     */
    open(
      device: string,
      filter: string,
      ringBytes: number,
      buffer: Buffer,
      snapLength: number,
      pollMs: number,
    ): string;
    close(): void;
    on(event: 'packet', listener: (length: number, truncated: boolean, wireLength: number) => void): this;
    on(event: 'error', listener: (reason: string) => void): this;
  }

  const cap: { readonly Cap: typeof Cap };
  export default cap;
}

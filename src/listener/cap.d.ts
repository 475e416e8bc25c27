/** The part of the `cap` package (0.2.1, patched by init/cap.patch) that knockctl uses; it ships no types. */
declare module 'cap' {
  import type { EventEmitter } from 'node:events';

  export class Cap extends EventEmitter {
    /** Present and true in the patched module. */
    static readonly isQuiet?: boolean;
    /**
     * Opens a live capture, and returns the name of its link type. `buffer` is overwritten by each packet; the caller
     * must keep it from the garbage collector. The last two arguments belong to the patch and make the capture quiet:
     * not promiscuous, truncated to `snapLength` bytes, read every `pollMs`, with a locked filter. Throws Error.
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

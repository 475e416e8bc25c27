/** The part of the `cap` package (0.2.1) that we use; it ships no types. */
declare module 'cap' {
  import type { EventEmitter } from 'node:events';

  export class Cap extends EventEmitter {
    /**
     * Opens a live capture and returns the name of its link type. `buffer` is overwritten by each
     * packet and must be kept from the garbage collector by the caller. Throws Error.
     */
    open(device: string, filter: string, ringBytes: number, buffer: Buffer): string;
    setMinBytes?(bytes: number): void;
    close(): void;
  }

  const cap: { readonly Cap: typeof Cap };
  export default cap;
}

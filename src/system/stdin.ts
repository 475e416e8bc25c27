import { readSync } from 'node:fs';

import { isErrno } from './files.js';

const CHUNK_BYTES = 64 * 1024;
const WAIT_MS = 5;

/**
 * All of standard input. Whoever gave it to us may have made it non-blocking (Node does, and so may ssh): what is not
 * written yet is then EAGAIN, which readFileSync throws.
 */
export function readStandardInput(): string {
  const chunks: Buffer[] = [];
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (;;) {
    const count = readSome(buffer);
    if (count === 0) return Buffer.concat(chunks).toString('utf8');
    if (count === undefined) pause();
    else chunks.push(Buffer.from(buffer.subarray(0, count)));
  }
}

/** Bytes read; 0 at the end, undefined where nothing is there yet. */
function readSome(buffer: Buffer): number | undefined {
  try {
    return readSync(0, buffer);
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return undefined;
    throw error;
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
}

import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In memory: a full disk must not keep the kernel from being told. */
const SHARED_MEMORY = '/dev/shm';

/**
 * A text as an open file without a name, for a command's standard input. Through a pipe a long text would come in
 * parts, and end in mid-line where we are killed meanwhile: `ipset restore` takes `add SET ADDRESS timeout 600` that
 * broke off behind the address for an entry without a time-out, which stays for ever (seen, 2026-11-21). A file is there
 * as a whole before the command starts.
 */
export class WholeInput implements Disposable {
  readonly descriptor: number;

  constructor(text: string) {
    const folder = existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir();
    const path = join(folder, `knockctl-${randomBytes(12).toString('hex')}`);
    const writing = openSync(path, 'wx', 0o600);
    try {
      this.descriptor = openSync(path, 'r');
      writeAll(writing, Buffer.from(text));
    } finally {
      rmSync(path, { force: true });
      closeSync(writing);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
  }
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
}

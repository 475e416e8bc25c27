import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';

import { requireStrict } from './strict-file.js';

/** A line of a file, and where it begins. */
export interface PlacedLine {
  /** From 1. */
  readonly number: number;
  /** Byte offset of its first byte; behind a byte order mark. */
  readonly offset: number;
  /** Without its `\n`. */
  readonly text: string;
}

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const NEWLINE = 0x0a;
/** A file that is replaced again and again while we write would never hold still. */
const TRIES = 3;

/**
 * Overwrites the first byte of lines of a file by `#`, in place, and on disk when it returns: nothing else of the file
 * changes, whoever writes to it meanwhile. `choose` gets the lines as they are. Where the file was replaced under our
 * hands (an editor renames), it is done again on the new one. Throws what the system refuses, and UntrustedFile.
 */
export function commentOutLines(
  path: string,
  choose: (lines: readonly PlacedLine[]) => readonly PlacedLine[],
): void {
  for (let left = TRIES; left > 0; left--) {
    const descriptor = openSync(path, 'r+');
    try {
      requireStrict(descriptor, path);
      for (const { offset } of choose(readLines(descriptor))) writeSync(descriptor, '#', offset);
      fsyncSync(descriptor);
      if (fstatSync(descriptor).ino === statSync(path, { throwIfNoEntry: false })?.ino) return;
    } finally {
      closeSync(descriptor);
    }
  }
  throw new Error(`${path} is being replaced all the time`);
}

function readLines(descriptor: number): PlacedLine[] {
  const content = readFileSync(descriptor);
  const lines: PlacedLine[] = [];
  let offset = content.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
  while (offset < content.length) {
    const newline = content.indexOf(NEWLINE, offset);
    const end = newline === -1 ? content.length : newline;
    lines.push({ number: lines.length + 1, offset, text: content.toString('utf8', offset, end) });
    offset = end + 1;
  }
  return lines;
}

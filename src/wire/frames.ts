import { StringDecoder } from 'node:string_decoder';

import { ProtocolError } from '../base/errors.js';

/**
 * Frames of every connection between our processes: one JSON document a line. The limit is on the
 * bytes of a line, and holds while the line is still coming in: a peer that never ends its line
 * cannot make us keep more than that.
 */
export class FrameReader {
  readonly #limit: number;
  readonly #onFrame: (frame: unknown) => void;
  readonly #decoder = new StringDecoder('utf8');
  #parts: string[] = [];
  #pending = 0;

  constructor(limit: number, onFrame: (frame: unknown) => void) {
    this.#limit = limit;
    this.#onFrame = onFrame;
  }

  /** Takes the next bytes; throws ProtocolError at a line that is too long or not JSON. */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      this.#keep(chunk.subarray(start, end));
      this.#parts.push(this.#decoder.end()); // a character that the line breaks off stays in this line
      const line = this.#parts.join('');
      this.#parts = [];
      this.#pending = 0;
      this.#onFrame(parse(line));
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#pending += bytes.length;
    if (this.#pending > this.#limit) {
      throw new ProtocolError(`message longer than ${this.#limit} bytes`);
    }
    this.#parts.push(this.#decoder.write(bytes));
  }
}

/** The bytes of one frame. */
export function frame(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (cause) {
    throw new ProtocolError('message is not JSON', { cause });
  }
}

import { createInterface, type Interface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';

import { KnockError } from '../../../base/errors.js';
import type { Result } from '../../../base/result.js';

/** Asks a person. */
export class Questions {
  /** What becomes of it where nobody answers any more. */
  ifLeft = 'what was not written yet is not written';
  readonly #lines: Interface;
  readonly #out: Writable;
  /** Rejects when nobody can answer any more: one for all questions. */
  readonly #ended: Promise<never>;

  constructor(input: Readable, output: Writable) {
    this.#out = output;
    this.#lines = createInterface({ input, output });
    this.#ended = new Promise<never>((_, reject) => {
      this.#lines.once('close', () => {
        reject(new KnockError('no answer came any more', { hint: this.ifLeft }));
      });
    });
    this.#ended.catch(() => undefined); // between two questions nobody waits for it
  }

  say(text: string): void {
    this.#out.write(`${text}\n`);
  }

  /** Asks until the answer can be read; nothing means `usual`. Throws KnockError where nobody answers any more. */
  async ask<T>(question: string, usual: string, read: (text: string) => Result<T>): Promise<T> {
    for (;;) {
      const answer = read((await this.#answer(`${question} [${usual}] `)) || usual);
      if (answer.ok) return answer.value;
      this.say(`  ${answer.reason}`);
    }
  }

  async agrees(question: string, usual: boolean): Promise<boolean> {
    return this.ask(question, usual ? 'yes' : 'no', (text) => {
      const word = text.toLowerCase();
      if ('yes'.startsWith(word)) return { ok: true, value: true };
      if ('no'.startsWith(word)) return { ok: true, value: false };
      return { ok: false, reason: 'yes or no?' };
    });
  }

  [Symbol.dispose](): void {
    this.#lines.close();
  }

  async #answer(prompt: string): Promise<string> {
    return (await Promise.race([this.#ended, this.#lines.question(prompt)])).trim();
  }
}

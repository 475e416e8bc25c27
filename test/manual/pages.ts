import { existsSync, readFileSync } from 'node:fs';

import { completions } from './completion.js';
import { fragments, type Fragments } from './fragments.js';

/** Where the man pages are. */
export const MANUAL = new URL('../../../docs/man/', import.meta.url);
/** Where the completions are. */
export const COMPLETION = new URL('../../../init/completion/', import.meta.url);

/** A page with its fragments as the program has them now. Throws where a place for one is missing. */
export function withFragments(page: string, parts: Fragments): string {
  let text = page;
  for (const [name, lines] of Object.entries(parts)) {
    const [begin, end] = [`.\\" BEGIN ${name}\n`, `.\\" END ${name}\n`];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from === -1 || to < from) throw new Error(`no place for ${name}`);
    text = `${text.slice(0, from)}${begin}${lines.join('\n')}\n${text.slice(to)}`;
  }
  return text;
}

/** A file that has something from the program: what it holds, and what it should. */
export interface Written {
  readonly path: URL;
  readonly is: string;
  readonly shouldBe: string;
}

/** All of them. */
export function writtenFiles(): Written[] {
  const pages = Object.entries(fragments()).map(([name, parts]) => {
    const path = new URL(name, MANUAL);
    const is = readFileSync(path, 'utf8');
    return { path, is, shouldBe: withFragments(is, parts) };
  });
  const scripts = Object.entries(completions()).map(([name, shouldBe]) => {
    const path = new URL(name, COMPLETION);
    return { path, is: existsSync(path) ? readFileSync(path, 'utf8') : '', shouldBe };
  });
  return [...pages, ...scripts];
}

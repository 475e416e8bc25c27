import { fileURLToPath } from 'node:url';

/**
 * Where the files of this installation are. This file may be part of another when it runs (init/bundle.mjs): both are in
 * the third folder from the top.
 */

/** A file that ships with us, by its path from the top of the package. */
export function shipped(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}

/** A program of ours, by its name in bin/. */
export function program(name: string): string {
  return fileURLToPath(new URL(`../bin/${name}.js`, import.meta.url));
}

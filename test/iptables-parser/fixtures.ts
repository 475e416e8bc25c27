import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the saves lie, seen from the compiled test. */
export const SAVES = fileURLToPath(new URL('../../../test/fixtures/iptables-save/', import.meta.url));

/** The names of all saves in the directory. */
export function saveNames(directory = SAVES): string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.save'));
  if (names.length < 20) throw new Error(`${directory} holds ${names.length} saves; run its make.sh`);
  return names;
}

/** A save as text. */
export function readSave(name: string, directory = SAVES): string {
  return readFileSync(`${directory}/${name}`, 'utf8');
}

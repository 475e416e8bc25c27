import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Template } from '../../src/firewall/rules/template.js';

/** The rule templates that are shipped. */
export function shippedTemplate(): Template {
  return { ...read('service.rules'), gate: read('gate.rules') };
}

function read(name: string): Omit<Template, 'gate'> {
  const file = fileURLToPath(new URL(`../../../rules/${name}`, import.meta.url));
  return { file, text: readFileSync(file, 'utf8') };
}

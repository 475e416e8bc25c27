import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Template } from '../../src/firewall/template.js';

/** The rule template that is shipped. */
export function shippedTemplate(): Template {
  const file = fileURLToPath(new URL('../../../rules/service.rules', import.meta.url));
  return { file, text: readFileSync(file, 'utf8') };
}

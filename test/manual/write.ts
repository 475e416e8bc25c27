/** `npm run docs`: writes what man pages and completions have from the program. */
import { writeFileSync } from 'node:fs';

import { writtenFiles } from './pages.js';

for (const { path, is, shouldBe } of writtenFiles()) {
  if (is === shouldBe) continue;
  writeFileSync(path, shouldBe);
  process.stdout.write(`${path.pathname} is up to date again\n`);
}

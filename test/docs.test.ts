import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { ALL_KEYS } from '../src/config/knockctl/schema.js';
import { makeProgram } from '../src/ctl/cli/program.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('docs/configuration.md has every key of the schema, with its default and its meaning, and no other', () => {
  const text = read('docs/configuration.md');
  const rows = [...text.matchAll(/^\| `([a-z_]+)` \| (.*?) \| (.*?) \| (.*?) \|$/gm)];
  const documented = rows.map(([, name, fallback, expects, meaning]) => [name, fallback, expects, meaning]);
  const existing = ALL_KEYS.map((key) => [
    key.name,
    key.defaultText === '' ? '(empty)' : `\`${key.defaultText}\``,
    key.expects,
    key.meaning,
  ]);
  assert.deepEqual(documented, existing);
});

test('the README tells of every command', () => {
  const unused = (): never => {
    throw new Error('not called');
  };
  const program = makeProgram({ version: '0', quiet: true, context: unused, run: unused }, unused);
  const readme = read('README.md');
  for (const { name } of program.commands.map((command) => ({ name: command.name() }))) {
    assert.match(readme, new RegExp(`\`(?:knockctl )?${name}\\b`), `README.md does not mention ${name}`);
  }
});

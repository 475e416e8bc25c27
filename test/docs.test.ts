import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ALL_KEYS } from '../src/config/knockctl/schema.js';
import { makeProgram } from '../src/ctl/cli/program.js';
import { APPLY_MODES, STEPS } from '../src/runtime/generation/apply.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
/** The files below a folder, from the root. */
const filesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => statSync(join(ROOT, path)).isFile());

const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...filesIn('docs')].filter((path) =>
  path.endsWith('.md'),
);

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

test('every document that the source cites is in the repository', () => {
  const cited = ['src', 'rules', 'init', 'bench'].flatMap(filesIn).flatMap((file) =>
    [...read(file).matchAll(/(?:\/usr\/share\/doc\/knockctl\/)?([\w./-]*\w\.md)\b/g)].map(
      ([, document = '']) => ({
        file,
        document,
      }),
    ),
  );
  assert.ok(cited.length > 10, `only ${cited.length} citations found`);
  const wrong = cited.filter(
    ({ document }) => !['', 'docs', 'docs/decisions'].some((at) => existsSync(join(ROOT, at, document))),
  );
  assert.deepEqual(wrong, []);
});

test('every file that a comment of the source names is in the repository', () => {
  const named = filesIn('src').flatMap((file) =>
    [...read(file).matchAll(/[\w./-]*\w\.ts\b/g)].map(([path]) => ({ file, path })),
  );
  assert.ok(named.length > 10, `only ${named.length} names found`);
  const wrong = named.filter(({ path }) =>
    path.includes('/') ? !['', 'src'].some((at) => existsSync(join(ROOT, at, path))) : !SOURCES.has(path),
  );
  assert.deepEqual(wrong, []);
});

test('every path and link of a document leads to a file', () => {
  const path =
    /(?<![\w/.$@-])(?:(?:src|test|docs|init|rules|bench)\/[\w./-]*\w|[\w/-]+\.(?:md|ts))(?![\w*…])/g;
  const wrong: string[] = [];
  let count = 0;
  for (const document of DOCUMENTS) {
    const at = dirname(document);
    for (const line of read(document).split('\n')) {
      for (const [found] of line.matchAll(path)) {
        if (/\bNAME\b/.test(found)) continue; // stands for any name
        count += 1;
        // A bare name of a file may be beside the path that stands before it in the same paragraph.
        const places = ['', 'src', at].map((folder) => normalize(join(folder, found)));
        const isThere = places.some((place) => existsSync(join(ROOT, place)));
        const isKnown = !found.includes('/') && SOURCES.has(found);
        if (!isThere && !isKnown) wrong.push(`${document}: ${found}`);
      }
      for (const [, target = ''] of line.matchAll(/\]\(([^)#:|]+)(?:#[^)]*)?\)/g)) {
        if (!existsSync(join(ROOT, at, target))) wrong.push(`${document}: a link to ${target}`);
      }
    }
  }
  assert.ok(count > 100, `only ${count} paths found`);
  assert.deepEqual(wrong, []);
});

/** The names of all files of the source and the tests. */
const SOURCES = new Set([...filesIn('src'), ...filesIn('test')].map((path) => path.split('/').at(-1) ?? ''));

test('the glossary names nothing that the source does not have', () => {
  const source = filesIn('src').map(read).join('\n');
  const names = [...read('docs/glossary.md').matchAll(/`((?:[A-Z][a-z]+)+|Firewall\.\w+|[a-z]+[A-Z]\w+)`/g)];
  assert.ok(names.length > 20, `only ${names.length} names found`);
  const missing = names
    .map(([, name = '']) => name.split('.').at(-1) ?? '')
    .filter(
      (name) => !new RegExp(`\\b(?:class|interface|function|const|type|async) ${name}\\b`).test(source),
    );
  assert.deepEqual(missing, []);
});

test('CONTRIBUTING.md has the steps of every way in which a configuration comes into force', () => {
  const rows = [...read('CONTRIBUTING.md').matchAll(/^\| `(\w+)` \| [^|]+ \| ([a-z, ]+) \|$/gm)];
  const documented = Object.fromEntries(rows.map(([, mode = '', steps = '']) => [mode, steps.split(', ')]));
  assert.deepEqual(documented, STEPS);
  assert.deepEqual(Object.keys(documented), APPLY_MODES);
  const explained = [...read('CONTRIBUTING.md').matchAll(/^\| ([a-z ]+) \| [^|]+ \|$/gm)].map(
    ([, step]) => step,
  );
  for (const step of new Set(Object.values(STEPS).flat())) assert.ok(explained.includes(step), step);
});

test('CONTRIBUTING.md says what is in every folder of the source', () => {
  const text = read('CONTRIBUTING.md');
  const [, picture = ''] = /^```\n(bin [\s\S]*?)^```$/m.exec(text) ?? [];
  const drawn = [...picture.matchAll(/^ *(\S+)/gm)].map(([, name]) => name);
  const folders = new Set(filesIn('src').map((path) => dirname(path).split('/').slice(1, 3)));
  const missing = [...folders]
    .map(([layer = '', inner]) => (inner === undefined ? layer : `${layer}/${inner}`))
    .filter((name) => (name.includes('/') ? !text.includes(`| \`src/${name}\` |`) : !drawn.includes(name)));
  assert.deepEqual([...new Set(missing)], []);
});

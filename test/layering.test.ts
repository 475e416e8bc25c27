import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

import { sourceFiles, unusedExports } from './unused-exports.js';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** Each folder's layer: a file imports from its own folder and from lower layers only (CONTRIBUTING.md, "Layers"). */
const LAYERS: Readonly<Record<string, number>> = {
  base: 0,
  knock: 1,
  system: 1,
  'iptables-parser': 1,
  config: 2,
  firewall: 2,
  wire: 2,
  runtime: 3,
  supervisor: 4,
  listener: 4,
  ctl: 4,
  doctor: 4,
  client: 4,
  bin: 5,
};

/**
 * The sub-folders of a folder, from the top: each may import from those after it. `.` are the files of the folder itself: first
 * where they put the others together, last where the others share them, or both (config).
 */
const SUB_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  config: ['pitfalls', 'import', '.', 'knockd', 'knockctl', '.'],
  firewall: ['.', 'ownership', 'trial', 'doors', 'exposure', 'rules', 'sets', 'model'],
  runtime: ['.', 'generation', 'doors', 'access', 'entries', 'journal'],
  supervisor: ['.', 'control', 'lifecycle', 'listener', 'launch', 'failsafe'],
  ctl: ['cli', 'knockd', 'setup', 'lifecycle', 'print', '.'],
  doctor: ['.', 'checks', 'facts'],
  wire: ['.', 'start', '.'],
};

/** Each package, and the only files that may import it. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  cap: ['listener/capture.ts'],
  commander: [
    'bin/command-line.ts',
    'ctl/cli/program-set-up.ts',
    'ctl/cli/program-verbs.ts',
    'ctl/cli/program.ts',
  ],
  execa: ['system/exec.ts'],
  ini: ['config/knockctl/ini.ts'],
  'ipaddr.js': ['base/address.ts'],
  'node-cron': ['supervisor/lifecycle/cron-schedule.ts'],
  qr: ['ctl/setup/client/qr-code.ts'],
  winston: ['system/log.ts'],
};

/** Folders that compute and do nothing else, and what of Node they may use. */
const PURE = ['base', 'knock', 'iptables-parser', 'wire'];
const PURE_MODULES = ['node:net', 'node:string_decoder']; // net: isIP only

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly folder: string;
  readonly imports: readonly string[];
}

const files: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8');
    const imports = ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
    return { path, text, folder: path.split('/')[0] ?? '', imports };
  });

/** What a relative import leads to, from src/. */
function destination(file: SourceFile, specifier: string): string {
  return normalize(join(dirname(file.path), specifier));
}

/** The first folder below the one of the layer; `.` for a file of that one itself. */
function subFolder(path: string): string {
  const [, name = '', ...rest] = path.split('/');
  return rest.length === 0 ? '.' : name;
}

/** The tokens of a file, without comments and strings. */
function code(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/(?<!:)\/\/.*$/gm, '')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

describe('layering', () => {
  it('sees the source', () => {
    assert.ok(files.length > 80, `only ${files.length} files found`);
    const all = files.flatMap((file) => file.imports);
    assert.ok(all.length > 300, `only ${all.length} imports found`);
    assert.ok(all.includes('../runtime/offline.js'), 'imports at run time are seen too');
  });

  it('knows the layer of every folder', () => {
    const folders = new Set(files.map((file) => file.folder));
    assert.deepEqual([...folders].sort(), Object.keys(LAYERS).sort());
  });

  it('imports downward only, never sideways between folders', () => {
    const wrong: string[] = [];
    for (const file of files) {
      for (const specifier of file.imports.filter((name) => name.startsWith('.'))) {
        const target = destination(file, specifier);
        const folder = target.split('/')[0] ?? '';
        const [from, to] = [LAYERS[file.folder], LAYERS[folder]];
        if (to === undefined || from === undefined || (folder !== file.folder && to >= from)) {
          wrong.push(`${file.path} imports ${target}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });

  it('imports within a folder from the upper sub-folders to the lower ones', () => {
    const found = new Set<string>();
    const wrong: string[] = [];
    for (const file of files) {
      const order = SUB_FOLDERS[file.folder];
      const from = subFolder(file.path);
      if (from !== '.') found.add(`${file.folder}/${from}`);
      if (order === undefined) continue;
      for (const specifier of file.imports.filter((name) => name.startsWith('.'))) {
        const target = destination(file, specifier);
        const to = subFolder(target);
        if (!target.startsWith(`${file.folder}/`) || from === to) continue;
        if (order.indexOf(from) > order.lastIndexOf(to)) wrong.push(`${file.path} imports ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
    const named = Object.entries(SUB_FOLDERS).flatMap(([folder, order]) =>
      order.filter((name) => name !== '.').map((name) => `${folder}/${name}`),
    );
    assert.deepEqual([...found].sort(), named.sort(), 'each sub-folder has its place');
  });

  it('imports nothing in a circle', () => {
    const edges = new Map(
      files.map((file) => {
        const targets = file.imports.filter((name) => name.startsWith('.'));
        return [file.path, targets.map((name) => destination(file, name).replace(/\.js$/, '.ts'))];
      }),
    );
    const done = new Set<string>();
    const visit = (path: string, above: readonly string[]): void => {
      assert.ok(!above.includes(path), `a circle: ${[...above, path].join(' → ')}`);
      if (done.has(path)) return;
      for (const target of edges.get(path) ?? []) visit(target, [...above, path]);
      done.add(path);
    };
    for (const path of edges.keys()) visit(path, []);
  });

  it('exports nothing that no other file imports', () => {
    assert.deepEqual(unusedExports(sourceFiles(['src', 'test', 'bench'])), []);
  });

  it('finds an export that no other file imports', () => {
    const text = [
      'export const used = 1;',
      'export interface Unused {}',
      'export async function called() {}',
      'export function named() {}',
    ].join('\n');
    const others = [
      {
        path: 'src/b.ts',
        text: "import {\n  type Other,\n  used as one,\n} from './a/a.js';\nconst Unused = 1;",
      },
      { path: 'src/a/c.ts', text: "const { called } = await import('./a.js');" },
      { path: 'test/d.test.ts', text: "importing('named', 'a/a.js')" },
    ];
    assert.deepEqual(unusedExports([{ path: 'src/a/a.ts', text }, ...others]), ['src/a/a.ts Unused']);
    assert.deepEqual(unusedExports([{ path: 'src/a/a.ts', text }]).length, 4);
  });

  it('has no folder with more than 15 % of the lines', () => {
    const lines = new Map<string, number>();
    for (const { path, text } of files)
      lines.set(dirname(path), (lines.get(dirname(path)) ?? 0) + text.split('\n').length);
    const all = [...lines.values()].reduce((sum, count) => sum + count, 0);
    const large = [...lines].filter(([, count]) => count > 0.15 * all).map(([folder]) => folder);
    assert.deepEqual(large, []);
  });

  it('imports each package in one place, and no other package', () => {
    const found = new Map<string, string[]>();
    for (const file of files) {
      const packages = file.imports.filter((name) => !name.startsWith('.') && !name.startsWith('node:'));
      for (const name of new Set(packages)) found.set(name, [...(found.get(name) ?? []), file.path]);
    }
    assert.deepEqual(Object.fromEntries([...found].sort()), PACKAGES);
  });

  it('keeps the pure folders free of effects', () => {
    const wrong = files
      .filter((file) => PURE.includes(file.folder))
      .flatMap((file) =>
        file.imports
          .filter((name) => name.startsWith('node:') && !PURE_MODULES.includes(name))
          .map((name) => `${file.path} imports ${name}`),
      );
    assert.deepEqual(wrong, []);
    const ambient = files.filter(
      (file) =>
        PURE.includes(file.folder) && /\b(?:process|Date|performance|setTimeout)\b/.test(code(file.text)),
    );
    assert.deepEqual(
      ambient.map((file) => file.path),
      [],
    );
  });

  it('has no console, no default export, no barrel, no shell beside the one for door commands', () => {
    for (const { path, text } of files) {
      const tokens = code(text);
      assert.doesNotMatch(tokens, /\bconsole\b(?!:)\s*[.[]/, path);
      if (!path.endsWith('.d.ts')) assert.doesNotMatch(tokens, /^\s*export\s+default\b/m, path);
      assert.doesNotMatch(tokens, /^\s*export\s+(?:type\s+)?(?:\*|\{[^}]*\})\s*from\b/m, path);
      assert.notEqual(basename(path), 'index.ts');
      assert.doesNotMatch(tokens, /\bexecSync\b|\bshell:\s*true/, path);
    }
    const shells = files.filter(({ text }) => /['"]\/bin\/(?:ba|da)?sh['"]/.test(text));
    assert.deepEqual(
      shells.map((file) => file.path),
      ['runtime/doors/shell-child.ts'],
    );
  });

  it('has no file of more than 250 lines, blank lines and comments aside', () => {
    const long = files
      .map(({ path, text }) => ({
        path,
        lines: code(text)
          .split('\n')
          .filter((line) => line.trim() !== '').length,
      }))
      .filter(({ lines }) => lines > 250);
    assert.deepEqual(long, []);
  });
});

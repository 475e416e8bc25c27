import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A source file, by its path from the root of the repository. */
interface File {
  readonly path: string;
  readonly text: string;
}

/** The prettier that all files go through has each export and each static import begin a line. */
const EXPORT = /^export (?:async |abstract )?(?:function\*?|class|interface|type|const|let) (\w+)/gm;
const STATIC = /^(?:import|export) (?:type )?\{([^}]*)\} from '(\.[^']+)';$/gm;
/** By `import()`, as a whole, or by code in a string that a test runs: such a file may use what it names anywhere. */
const DYNAMIC = /import\(\s*'(\.[^']+)'|^import (?:type )?\* as \w+ from '(\.[^']+)'/gm;
const IN_CHILD = /importing\([^)]*?'([\w/.-]+\.js)',?\s*\)/g;

export function sourceFiles(folders: readonly string[]): File[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
      .map((path) => `${folder}/${path}`)
      .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') })),
  );
}

/** What files of src/ export, and no other file imports: `PATH NAME`. */
export function unusedExports(files: readonly File[]): string[] {
  const imported = new Set<string>();
  const open = new Map<string, string[]>();
  for (const { path, text } of files) {
    const target = (specifier: string): string =>
      normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts');
    for (const [, names = '', from = ''] of text.matchAll(STATIC)) {
      for (const name of names.split(','))
        imported.add(
          `${target(from)} ${name
            .trim()
            .replace(/^type /, '')
            .replace(/ as .*$/, '')}`,
        );
    }
    const whole = [...text.matchAll(DYNAMIC)].map(([, one, other = '']) => target(one ?? other));
    const inChild = [...text.matchAll(IN_CHILD)].map(([, to = '']) => `src/${to.replace(/\.js$/, '.ts')}`);
    for (const to of [...whole, ...inChild]) open.set(to, [...(open.get(to) ?? []), text]);
  }
  return files
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap(({ path, text }) =>
      [...text.matchAll(EXPORT)]
        .map(([, name = '']) => name)
        .filter((name) => {
          const isNamed = open.get(path)?.some((other) => new RegExp(`\\b${name}\\b`).test(other)) === true;
          return !isNamed && !imported.has(`${path} ${name}`);
        })
        .map((name) => `${path} ${name}`),
    );
}

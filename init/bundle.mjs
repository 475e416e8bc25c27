/**
 * Puts the programs together from what tsc has made: dist/app/bin, and dist/app/lib, what they share and what is loaded
 * only when it is needed. A command of the line takes half the time by it: most of that went into finding and
 * linking two hundred modules. Compiled modules stay where npm has put them.
 */
import { chmodSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { build } from 'rolldown';

const OUT = 'dist/app';
/** Loaded late, and yet needed by most calls of a program. */
const SOON = { knockctl: ['ctl/cli/verbs'] };
const PROGRAMS = ['knockctl', 'knock', 'knockd', 'detached', 'listener', 'look-up', 'probe'];
/** The files that programs are made of at their start: each takes what is needed by all of these, and is in none before it. */
const PARTS = {
  knock: ['knock'],
  base: ['listener', 'knockctl'],
  listener: ['listener'],
  common: ['knockctl', 'detached'],
  knockctl: ['knockctl'],
  detached: ['detached'],
};

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync(OUT, { recursive: true, force: true });
const file = (path) => fileURLToPath(new URL(`../dist/src/${path}.js`, import.meta.url));
const source = (name) => file(`bin/${name}`);
/** What a program does at once must not be done by others that have something in common with it. */
const isProgram = (id) => PROGRAMS.some((name) => id === source(name));
/** Of each program, all modules that it needs before it does anything. */
const needed = new Map();
const findNeeded = {
  name: 'what each program needs',
  renderStart() {
    for (const name of PROGRAMS) {
      const found = new Set([source(name), ...(SOON[name] ?? []).map(file)]);
      for (const id of found) for (const next of this.getModuleInfo(id)?.importedIds ?? []) found.add(next);
      needed.set(name, found);
    }
  },
};
const { output } = await build({
  plugins: [findNeeded],
  input: Object.fromEntries(PROGRAMS.map((name) => [name, source(name)])),
  platform: 'node',
  external: ['cap'],
  logLevel: 'warn',
  output: {
    dir: OUT,
    format: 'cjs',
    entryFileNames: 'bin/[name].js',
    chunkFileNames: 'lib/[name]-[hash].js',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
    codeSplitting: {
      groups: Object.entries(PARTS).map(([name, all], index) => ({
        name,
        priority: PROGRAMS.length - index,
        test: (id) => !isProgram(id) && all.every((one) => needed.get(one).has(id)),
      })),
    },
  },
});
// Of the older kind: Node is done with these sooner.
writeFileSync(`${OUT}/package.json`, '{"type": "commonjs"}\n');
for (const name of ['knockctl', 'knock', 'knockd']) chmodSync(`${OUT}/bin/${name}.js`, 0o755);
const inputs = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
writeFileSync(`${OUT}/LICENSES`, licences(inputs));

/** The licence of each package that is in it. */
function licences(paths) {
  const packages = new Set(
    paths.flatMap((path) => /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
  );
  return [...packages].sort().map(licence).join('\n\n');
}

function licence(name) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  const text = file === undefined ? '' : `\n\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}`;
  return `${name} ${version} (${String(license)})${text}\n`;
}

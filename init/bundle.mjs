/**
 * Puts the programs together from what tsc has made: dist/app/bin, and dist/app/lib, what they share and what is loaded
 * only when it is needed. A command of the line takes half the time by it: most of that went into finding and
 * linking two hundred modules. Compiled modules stay where npm has put them.
 */
import { chmodSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { build } from 'rolldown';

const OUT = 'dist/app';
const PROGRAMS = ['knockctl', 'knock', 'knockd', 'detached', 'listener', 'probe'];
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
const source = (name) => fileURLToPath(new URL(`../dist/src/bin/${name}.js`, import.meta.url));
/** Of each program, all modules that it needs before it does anything. */
const needed = new Map();
const findNeeded = {
  name: 'what each program needs',
  renderStart() {
    for (const name of PROGRAMS) {
      const found = new Set([source(name)]);
      for (const id of found) for (const next of this.getModuleInfo(id)?.importedIds ?? []) found.add(next);
      needed.set(name, found);
    }
  },
};
const { output } = await build({
  plugins: [findNeeded],
  input: Object.fromEntries(PROGRAMS.map((name) => [name, source(name)])),
  platform: 'node',
  external: ['cap', 'unix-dgram'],
  logLevel: 'warn',
  output: {
    dir: OUT,
    format: 'esm',
    entryFileNames: 'bin/[name].js',
    chunkFileNames: 'lib/[name]-[hash].js',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
    codeSplitting: {
      groups: Object.entries(PARTS).map(([name, all], index) => ({
        name,
        priority: PROGRAMS.length - index,
        test: (id) => all.every((one) => needed.get(one).has(id)),
      })),
    },
  },
});
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

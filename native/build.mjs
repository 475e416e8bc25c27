/**
 * Compiles native/knockctl.c into native/build/knockctl.node, or into the folder that is given: after each installation of npm's packages, by
 * package.json's `postinstall`. Node-API's headers come with the package node-api-headers, so that neither a version of Node.js nor its
 * headers matter. `CC` and `CFLAGS` are as for make.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? join(here, 'build'));
const headers = join(
  dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')),
  'include',
);
const module = join(folder, 'knockctl.node');
const compiler = process.env.CC ?? 'cc';
const words = (text) => text.split(' ').filter(Boolean);
const flags = [
  '-std=gnu11',
  ...['-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-fstack-protector-strong'],
  ...['-Wall', '-Wextra', '-Wl,-z,relro,-z,now'],
  ...words(process.env.CFLAGS ?? ''),
];

mkdirSync(folder, { recursive: true });
const done = spawnSync(
  compiler,
  [...flags, `-I${headers}`, join(here, 'knockctl.c'), '-o', `${module}.new`],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
  },
);
if (done.status !== 0) {
  const why = done.error === undefined ? `${compiler} failed` : done.error.message;
  process.stderr.write(
    `knockctl's native module could not be compiled: ${why}; it needs a C compiler (Debian: apt-get install gcc libc6-dev)\n`,
  );
  process.exit(1);
}
// A new file each time: a running process goes on with the old one.
renameSync(`${module}.new`, module);

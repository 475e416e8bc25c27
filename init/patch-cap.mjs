/**
 * Patches the capture module `cap` (init/cap.patch, docs/decisions/0001-packages.md) and compiles it anew: after each installation of npm's
 * packages, by package.json's `postinstall`. Does nothing where that is done already, or where cap was not compiled at all
 * (`--ignore-scripts`, as for the unit tests). Fails if cap is of another version than the patch is for.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const patch = readFileSync(fileURLToPath(new URL('cap.patch', import.meta.url)), 'utf8');
const cap = dirname(createRequire(import.meta.url).resolve('cap/package.json'));
const mark = join(cap, '.patched-by-knockctl');
const stamp = createHash('sha256').update(patch).digest('hex');
const was = existsSync(mark) ? readFileSync(mark, 'utf8') : undefined;

if (existsSync(join(cap, 'build/Release/cap.node')) && was !== stamp) {
  if (was !== undefined) fail('another patch was applied already: npm ci, then again');
  const source = join(cap, 'src/binding.cc');
  const patched = applied(readFileSync(source, 'utf8'), patch);
  // A new file each time: a package's files may be links to a store that others use.
  replace(source, patched);
  compile();
  replace(mark, stamp);
}

/** The text with a unified diff applied; each hunk must stand where it says, word for word. */
function applied(text, diff) {
  const lines = text.split('\n');
  const out = [];
  let at = 0;
  for (const [, first, body] of diff.matchAll(/^@@ -(\d+)(?:,\d+)? \+\S+ @@.*\n((?:[ +\-\\].*\n|\n)*)/gm)) {
    while (at < Number(first) - 1) out.push(lines[at++]);
    for (const line of body.split('\n').slice(0, -1)) {
      if (line.startsWith('+')) out.push(line.slice(1));
      else if (lines[at] !== line.slice(1))
        fail(`cap is of another version: line ${at + 1} of src/binding.cc`);
      else if (line.startsWith('-')) at++;
      else out.push(lines[at++]);
    }
  }
  return [...out, ...lines.slice(at)].join('\n');
}

/** By the node-gyp that npm brings with it. */
function compile() {
  const gyp = process.env.npm_config_node_gyp;
  if (gyp === undefined) fail('call it by npm: npm run postinstall');
  const done = spawnSync(process.execPath, [gyp, 'rebuild'], { cwd: cap, encoding: 'utf8' });
  if (done.status !== 0) fail(`${done.stdout ?? ''}${done.stderr ?? done.error}`);
}

function replace(path, text) {
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function fail(why) {
  process.stderr.write(`the capture module (cap) could not be patched: ${why}\n`);
  process.exit(1);
}

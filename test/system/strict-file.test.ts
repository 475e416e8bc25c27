import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { EXIT } from '../../src/base/errors.js';
import {
  isReadableByOthers,
  readStrict,
  UntrustedFile,
  weakFolders,
  weakTree,
} from '../../src/system/strict-file.js';
import { TempFolder } from '../helpers/temp.js';

function weakness(path: string): string {
  try {
    readStrict(path);
  } catch (error) {
    assert.ok(error instanceof UntrustedFile);
    assert.equal(error.exitCode, EXIT.config);
    return `${error.weakness.text}; ${error.weakness.fix}`;
  }
  return '';
}

/** A file in a folder of its own, both as they should be. */
function stand(): { folder: string; file: string } & Disposable {
  const temp = new TempFolder();
  const folder = temp.file('etc');
  const file = `${folder}/knockd.conf`;
  mkdirSync(folder, { mode: 0o755 });
  writeFileSync(file, 'text', { mode: 0o644 });
  chmodSync(file, 0o644);
  return {
    folder,
    file,
    [Symbol.dispose]: () => {
      temp[Symbol.dispose]();
    },
  };
}

describe('a file that root believes', () => {
  it('is read where only its owner can write to it, below /tmp too', () => {
    using at = stand();
    assert.equal(readStrict(at.file), 'text');
    assert.equal(readStrict(`${at.folder}/none`), undefined);
    assert.equal(readStrict(`${at.file}/none`), undefined);
    assert.equal(readStrict('/dev/null'), '');
  });

  // Red, for ever, with openSync() alone.
  it('is no FIFO without a writer, and no device that never ends; a pipe of a shell is read', () => {
    using at = stand();
    const fifo = `${at.folder}/fifo`;
    execFileSync('mkfifo', ['-m', '600', fifo]);
    assert.throws(() => readStrict(fifo), /fifo is no file, but a FIFO/);
    assert.throws(() => readStrict('/dev/zero'), /is no file, but a device/);
    assert.throws(() => readStrict(at.folder), /EISDIR/);
    const [module] = [new URL('../../src/system/strict-file.js', import.meta.url).href];
    const program = `import(${JSON.stringify(module)}).then(({ readStrict }) => console.log(readStrict(process.argv[1])))`;
    const line = `"${process.execPath}" -e '${program}' <(echo from a pipe)`;
    assert.equal(execFileSync('bash', ['-c', line], { encoding: 'utf8' }).trim(), 'from a pipe');
  });

  it('is not where the group or all can write to it', () => {
    using at = stand();
    for (const mode of [0o664, 0o646, 0o666, 0o622]) {
      chmodSync(at.file, mode);
      const owner = process.getuid?.() === 0 ? 'root' : '\\S+';
      assert.match(
        weakness(at.file),
        new RegExp(
          `^${at.file} is owned by ${owner}, mode 0${mode.toString(8)}: others can write to it; chmod go-w ${at.file}$`,
        ),
      );
    }
  });

  it('is not where a folder above can be written to, at whatever height', () => {
    using at = stand();
    mkdirSync(`${at.folder}/a/b`, { recursive: true });
    writeFileSync(`${at.folder}/a/b/file`, '');
    chmodSync(at.folder, 0o777);
    for (const path of [at.file, `${at.folder}/a/b/file`])
      assert.match(
        weakness(path),
        new RegExp(`^${at.folder} is .*mode 0777: others can write to it; chmod go-w ${at.folder}$`),
      );
    assert.match(weakFolders(`${at.folder}/a/none/x`)?.fix ?? '', /^chmod go-w /);
  });

  it('is not in a sticky folder itself, such as /tmp; further below it is', () => {
    using at = stand();
    mkdirSync(`${at.folder}/own`);
    writeFileSync(`${at.folder}/own/file`, 'x');
    chmodSync(at.folder, 0o1777);
    assert.match(weakness(at.file), /mode 1777: others can put files there; move it out of /);
    assert.equal(readStrict(`${at.folder}/own/file`), 'x');
    assert.equal(weakFolders(`${at.folder}/absent/file`), undefined, 'whoever makes it owns it');
  });

  it('counts by where links lead, and by who could change them', () => {
    using at = stand();
    mkdirSync(`${at.folder}/links`);
    const link = `${at.folder}/links/link`;
    symlinkSync('../knockd.conf', link);
    assert.equal(readStrict(link), 'text');
    chmodSync(`${at.folder}/links`, 0o777);
    assert.match(weakness(link), /links is .*mode 0777/);
    chmodSync(`${at.folder}/links`, 0o755);
    chmodSync(at.file, 0o666);
    assert.match(weakness(link), /mode 0666/);
    symlinkSync('loop', `${at.folder}/loop`);
    assert.match(weakFolders(`${at.folder}/loop/x`)?.text ?? '', /too many links/);
  });

  it('tells whether others can read it', () => {
    using at = stand();
    assert.equal(isReadableByOthers(at.file), false, 'nobody else gets into the temporary folder');
    assert.equal(isReadableByOthers('/etc/passwd'), true);
    assert.equal(isReadableByOthers(`${at.folder}/none`), false);
  });

  it('and a tree of programs, are looked at down to the last file', () => {
    using at = stand();
    mkdirSync(`${at.folder}/a/b`, { recursive: true });
    writeFileSync(`${at.folder}/a/b/module.js`, '');
    assert.equal(weakTree(at.folder), undefined);
    chmodSync(`${at.folder}/a/b/module.js`, 0o666);
    assert.match(weakTree(at.folder)?.text ?? '', /module\.js is .*mode 0666/);
    assert.equal(weakTree(`${at.folder}/none`), undefined);
  });
});

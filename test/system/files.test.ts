import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, it } from 'node:test';

import {
  isErrno,
  makePrivateFolder,
  readIfExists,
  reclaimFolder,
  removeAbandoned,
  removeFile,
  replaceFile,
  setAside,
} from '../../src/system/files.js';
import { importing, startNode } from '../helpers/node-child.js';
import { TempFolder } from '../helpers/temp.js';

const mode = (path: string): number => statSync(path).mode & 0o7777;

describe('files', () => {
  it('replaceFile makes a file for its owner only, and keeps the mode of one that exists, whatever the umask', () => {
    using folder = new TempFolder();
    const path = folder.file('f');
    for (const umask of [0, 0o022, 0o077]) {
      const before = process.umask(umask);
      try {
        removeFile(path);
        replaceFile(path, 'new');
        assert.equal(mode(path), 0o600);
        chmodSync(path, 0o644);
        replaceFile(path, 'newer');
        assert.equal(mode(path), 0o644);
        assert.equal(readFileSync(path, 'utf8'), 'newer');
      } finally {
        process.umask(before);
      }
    }
    assert.deepEqual(readdirSync(folder.path), ['f'], 'no temporary file is left');
  });

  it('replaceFile writes through no link that somebody has laid under the name of its temporary file', () => {
    using folder = new TempFolder();
    const path = folder.file('f');
    writeFileSync(folder.file('other'), 'untouched');
    symlinkSync('other', `${path}.${process.pid}.tmp`);
    replaceFile(path, 'new');
    assert.equal(readFileSync(folder.file('other'), 'utf8'), 'untouched');
    assert.equal(readFileSync(path, 'utf8'), 'new');
  });

  it('reclaimFolder takes back what others could write to, says so, and leaves the rest alone', () => {
    using folder = new TempFolder();
    const path = folder.file('state');
    assert.equal(reclaimFolder(path), undefined);
    mkdirSync(path, { mode: 0o755 });
    assert.equal(reclaimFolder(path), undefined);
    assert.equal(mode(path), 0o755);
    chmodSync(path, 0o777);
    assert.match(reclaimFolder(path) ?? '', /others could write to the folder .*mode 0777/);
    assert.equal(mode(path), 0o700);
  });

  it('setAside renames a file, over an earlier one', () => {
    using folder = new TempFolder();
    for (const text of ['one', 'two']) {
      writeFileSync(folder.file('f'), text);
      assert.equal(setAside(folder.file('f')), folder.file('f.damaged'));
      assert.equal(readFileSync(folder.file('f.damaged'), 'utf8'), text);
      assert.equal(readIfExists(folder.file('f')), undefined);
    }
  });

  it('replaceFile throws where the folder is missing, and leaves nothing where it cannot rename', () => {
    using folder = new TempFolder();
    assert.throws(() => {
      replaceFile(folder.file('no/f'), 'x');
    }, /ENOENT/);
    mkdirSync(folder.file('d'));
    assert.throws(() => {
      replaceFile(folder.file('d'), 'x');
    }, /EISDIR|EEXIST|ENOTEMPTY/);
    assert.deepEqual(readdirSync(folder.path), ['d']);
  });

  it('replaceFile shows readers the old content or the new, never a part, through kill -9 too', async () => {
    using folder = new TempFolder();
    const path = folder.file('state');
    writeFileSync(path, 'a'.repeat(300_000));
    const code = `${importing('replaceFile', 'system/files.js')}
      console.log('begun');
      for (;;) for (const letter of 'ab') replaceFile(${JSON.stringify(path)}, letter.repeat(300_000));`;
    const seen = new Set<string>();
    for (let round = 0; round < 4; round += 1) {
      const child = startNode(code);
      await child.until('begun');
      for (let look = 0; look < 100; look += 1) {
        const text = readFileSync(path, 'utf8');
        assert.equal(text.length, 300_000);
        assert.equal(text, text.charAt(0).repeat(300_000));
        seen.add(text.charAt(0));
      }
      await child.kill();
      assert.match(readFileSync(path, 'utf8'), /^(?:a{300000}|b{300000})$/);
    }
    assert.deepEqual([...seen].sort(), ['a', 'b'], 'the file did change meanwhile');
  });

  it('readIfExists gives undefined for what is not there, and throws all else', () => {
    using folder = new TempFolder();
    writeFileSync(folder.file('f'), 'x');
    assert.equal(readIfExists(folder.file('f')), 'x');
    assert.equal(readIfExists(folder.file('g')), undefined);
    assert.equal(readIfExists(folder.file('f/g')), undefined);
    assert.throws(() => readIfExists(folder.path), /EISDIR/);
  });

  it('makePrivateFolder makes parents too; a folder that exists keeps its mode', () => {
    using folder = new TempFolder();
    makePrivateFolder(folder.file('a/b'));
    assert.deepEqual([mode(folder.file('a')), mode(folder.file('a/b'))], [0o700, 0o700]);
    mkdirSync(folder.file('open'));
    chmodSync(folder.file('open'), 0o755);
    makePrivateFolder(folder.file('open'));
    assert.equal(mode(folder.file('open')), 0o755);
  });

  it('isErrno knows a system error by its code', () => {
    assert.equal(isErrno(Object.assign(new Error('x'), { code: 'ENOENT' }), 'ENOENT'), true);
    assert.equal(isErrno(new Error('ENOENT'), 'ENOENT'), false);
    assert.equal(isErrno({ code: 'ENOENT' }, 'ENOENT'), false);
  });
});

it('removeAbandoned takes what a killed process left half-written, and nothing else', () => {
  using folder = new TempFolder();
  const names = ['kernel.json', `other.json.${process.ppid}.tmp`, 'kernel.json.4194399.tmp', 'notes.tmp'];
  for (const name of names) writeFileSync(folder.file(name), '');
  removeAbandoned(folder.path);
  assert.deepEqual(readdirSync(folder.path).sort(), [
    'kernel.json',
    'notes.tmp',
    `other.json.${process.ppid}.tmp`,
  ]);
});

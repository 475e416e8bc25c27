import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { EXIT } from '../../src/base/errors.js';
import { DamagedFile, setDamagedAside, StateFile } from '../../src/system/state-file.js';
import { TempFolder } from '../helpers/temp.js';

interface Count {
  readonly count: number;
}

function parse(document: unknown): Count | undefined {
  const isCount = typeof document === 'object' && document !== null && 'count' in document;
  return isCount && typeof document.count === 'number' ? { count: document.count } : undefined;
}

function reasonOf(file: StateFile<unknown>): string {
  try {
    file.read();
  } catch (error) {
    assert.ok(error instanceof DamagedFile);
    assert.equal(error.exitCode, EXIT.config);
    assert.equal(error.message, `${file.path} is damaged: ${error.reason}`);
    assert.equal(file.readIfSound(), undefined);
    return error.reason;
  }
  return 'none';
}

describe('a state file', () => {
  it('reads back as it was written, is for its owner only, and goes', () => {
    using folder = new TempFolder();
    const file = new StateFile(folder.file('f.json'), { parse });
    assert.deepEqual([file.read(), file.readIfSound()], [undefined, undefined]);
    for (const count of [1, 2]) {
      file.write({ count });
      assert.deepEqual([file.read(), file.readIfSound()], [{ count }, { count }]);
    }
    assert.equal(readFileSync(file.path, 'utf8'), '{"count":2}\n');
    assert.equal(statSync(file.path).mode & 0o777, 0o600);
    file.remove();
    file.remove();
    assert.equal(existsSync(file.path), false);
    assert.equal(new StateFile(folder.file('f.json/g'), { parse }).read(), undefined);
  });

  it('has a line for each value where people read it', () => {
    using folder = new TempFolder();
    const file = new StateFile(folder.file('f.json'), { parse, isIndented: true });
    file.write({ count: 1 });
    assert.equal(readFileSync(file.path, 'utf8'), '{\n "count": 1\n}\n');
  });

  it('is damaged if it is cut short, of another shape, no file, or others can write to it', () => {
    using folder = new TempFolder();
    const file = new StateFile(folder.file('f.json'), { parse, hint: 'remove it' });
    for (const text of ['', '{', '{"count":1']) {
      writeFileSync(file.path, text, { mode: 0o600 });
      assert.match(reasonOf(file), /JSON/, text);
    }
    for (const text of ['null', '[]', '{"count":"1"}']) {
      writeFileSync(file.path, text);
      assert.equal(reasonOf(file), 'it is not of the right shape', text);
    }
    writeFileSync(file.path, '{"count":1}');
    for (const [mode, reason] of [
      [0o600, 'none'],
      [0o644, 'none'],
      [0o620, 'others can write to it'],
      [0o602, 'others can write to it'],
    ] as const) {
      chmodSync(file.path, mode);
      assert.equal(reasonOf(file), reason, mode.toString(8));
    }
    assert.throws(() => file.read(), { hint: 'remove it' });
    mkdirSync(folder.file('folder'));
    assert.match(reasonOf(new StateFile(folder.file('folder'), { parse })), /^it is a folder/);
  });

  it('is read by another way where one is given', () => {
    using folder = new TempFolder();
    const path = folder.file('f.json');
    const readText = (name: string): string => JSON.stringify({ count: name.length });
    assert.deepEqual(new StateFile(path, { parse, readText }).read(), { count: path.length });
  });
});

it('a damaged file is set aside, with all that is to be said of it', () => {
  using folder = new TempFolder();
  const path = folder.file('f');
  writeFileSync(path, 'x');
  assert.equal(
    setDamagedAside(path, ['line 1', 'line 2', 'line 3']),
    `${path} is damaged: line 1, and 2 more; it is kept as ${path}.damaged`,
  );
  assert.equal(readFileSync(`${path}.damaged`, 'utf8'), 'x');
  assert.match(
    setDamagedAside(path, ['line 1'], 'nothing in it is used'),
    /is damaged: line 1; nothing in it is used, it cannot be renamed: there is no such file or folder/,
  );
});

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { OneTimeLedger } from '../../../src/runtime/doors/one-time-ledger.js';
import type { OneTimeSequence } from '../../../src/wire/listener.js';
import type { DoorSettings } from '../../../src/config/settings.js';
import { recordingJournal } from '../../helpers/recorder.js';
import { TempFolder } from '../../helpers/temp.js';
import { door } from '../../knock/support.js';

class Stand implements Disposable {
  readonly #folder = new TempFolder();
  readonly path = this.#folder.file('sequences');
  readonly recording = recordingJournal();
  readonly keeper = new OneTimeLedger(this.recording.journal);
  readonly settings: DoorSettings = {
    door: { ...door('1'), name: 'd' },
    line: 1,
    actions: { 4: { start: undefined, stop: undefined }, 6: { start: undefined, stop: undefined } },
    cmdTimeoutMs: 0,
    oneTime: { path: this.path, line: 2 },
  };

  constructor(text: string) {
    this.text = text;
  }

  get text(): string {
    return readFileSync(this.path, 'utf8');
  }

  set text(text: string) {
    writeFileSync(this.path, text);
  }

  /** Replaces the file as an editor does. */
  edit(text: string): void {
    writeFileSync(`${this.path}~`, text);
    renameSync(`${this.path}~`, this.path);
  }

  issue(): readonly OneTimeSequence[] {
    return this.keeper.issue(this.settings);
  }

  /** The first ports of what is issued. */
  ports(): (number | undefined)[] {
    return this.issue().map(({ sequence }) => sequence[0]?.port);
  }

  use(port: number, issued: readonly OneTimeSequence[]): ReturnType<OneTimeLedger['use']> {
    const used = issued.find(({ sequence }) => sequence[0]?.port === port);
    assert.ok(used !== undefined);
    return this.keeper.use(this.path, used.id);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

describe('one-time sequences at run time', () => {
  it('are marked as they are used, and the rest is left', () => {
    using stand = new Stand('# c\n1,2\n\n3:udp\r\n 5\n');
    const issued = stand.issue();
    assert.deepEqual(
      issued.map(({ sequence }) => sequence.map(({ port, protocol }) => `${port}:${protocol}`).join()),
      ['1:tcp,2:tcp', '3:udp', '5:tcp'],
    );
    assert.deepEqual(stand.use(1, issued), { ok: true, value: { line: 2, left: 2 } });
    assert.equal(stand.text, '# c\n#,2\n\n3:udp\r\n 5\n');
    assert.deepEqual(stand.use(3, issued), { ok: true, value: { line: 4, left: 1 } });
    assert.deepEqual(stand.use(5, issued), { ok: true, value: { line: 5, left: 0 } });
    assert.equal(stand.text, '# c\n#,2\n\n#:udp\r\n#5\n');
    assert.deepEqual(stand.issue(), []);
    assert.deepEqual(stand.recording.lines, [
      'error no more sequences left in the one time sequences file for door d --> disabling the door',
    ]);
  });

  it('can be used once, and only those that were told', () => {
    using stand = new Stand('1\n2\n');
    const issued = stand.issue();
    const [first, second] = issued.map(({ id }) => id);
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(stand.keeper.isOpen(stand.path, first), true);
    assert.equal(stand.keeper.isOpen('/other', first), false);
    assert.equal(stand.keeper.isOpen(stand.path, second + 1), false);
    assert.ok(stand.use(1, issued).ok);
    assert.equal(stand.keeper.isOpen(stand.path, first), false);
    assert.equal(stand.keeper.isOpen(stand.path, second), true);
  });

  it('that come before the one used are marked with it', () => {
    using stand = new Stand('1\n2\n3\n');
    assert.deepEqual(stand.use(2, stand.issue()), { ok: true, value: { line: 2, left: 1 } });
    assert.equal(stand.text, '#\n#\n3\n');
  });

  it('keep their numbers from one listener to the next', () => {
    using stand = new Stand('1\n2\n');
    const before = stand.issue();
    assert.deepEqual(stand.issue(), before);
    stand.text = '1\n2\n3\n';
    assert.deepEqual(stand.issue().slice(0, 2), before);
    assert.ok(stand.use(1, before).ok);
    assert.deepEqual(stand.ports(), [2, 3]);
  });

  it('that were appended are there at the next reload', () => {
    using stand = new Stand('1\n');
    const issued = stand.issue();
    stand.text = '1\n2\n';
    assert.deepEqual(stand.use(1, issued), { ok: true, value: { line: 1, left: 0 } });
    assert.equal(stand.text, '#\n2\n');
    assert.deepEqual(stand.ports(), [2]);
  });

  it('are found again where lines were put in or taken out', () => {
    using stand = new Stand('# a\n# b\n1\n2\n1\n');
    const issued = stand.issue();
    stand.edit('9\n1\n2\n1\n');
    assert.ok(stand.use(1, issued).ok);
    assert.equal(stand.text, '9\n#\n2\n1\n');
    assert.ok(stand.use(2, issued).ok);
    assert.equal(stand.text, '9\n#\n#\n1\n', 'neither the new line nor the one of the same text');
  });

  it('in equal lines are used one by one', () => {
    using stand = new Stand('1\n1\n1\n');
    for (const expected of ['#\n1\n1\n', '#\n#\n1\n', '#\n#\n#\n']) {
      const [current] = stand.issue();
      assert.ok(current !== undefined && stand.keeper.use(stand.path, current.id).ok);
      assert.equal(stand.text, expected);
    }
  });

  it('whose line is gone open nothing', () => {
    using stand = new Stand('1\n2\n');
    const issued = stand.issue();
    stand.edit('2\n');
    const used = stand.use(1, issued);
    assert.ok(!used.ok);
    assert.match(used.reason, /^line 1 of .* is not there any more$/);
    assert.equal(stand.text, '2\n');
    assert.ok(stand.use(2, issued).ok);
  });

  it('that cannot be marked open nothing, are not told again, and are marked with the next', () => {
    using stand = new Stand('1\n2\n3\n');
    const issued = stand.issue();
    rmSync(stand.path);
    mkdirSync(stand.path);
    const used = stand.use(1, issued);
    assert.ok(!used.ok);
    assert.match(used.reason, /^line 1 of .* cannot be marked as used: it is a folder/);
    rmSync(stand.path, { recursive: true });
    stand.text = '1\n2\n3\n';
    assert.deepEqual(stand.ports(), [2, 3]);
    assert.ok(stand.use(2, issued).ok);
    assert.equal(stand.text, '#\n#\n3\n');
  });

  it('whose file is missing or cannot be read are none, said once', () => {
    using stand = new Stand('1\n');
    rmSync(stand.path);
    assert.deepEqual(stand.issue(), []);
    assert.deepEqual(stand.issue(), []);
    mkdirSync(stand.path);
    assert.deepEqual(stand.issue(), []);
    assert.equal(stand.recording.lines.length, 2);
    assert.match(stand.recording.lines[0] ?? '', /^error .*: No such file or directory: door d is disabled$/);
    assert.match(stand.recording.lines[1] ?? '', /^error .*it is a folder.*: door d is disabled$/);
  });

  it('are none for a door without a file', () => {
    using stand = new Stand('1\n');
    assert.deepEqual(stand.keeper.issue({ ...stand.settings, oneTime: undefined }), []);
  });

  it('open each once, in their order, whatever else is in the file', () => {
    const row = fc.oneof(
      fc.integer({ min: 1, max: 9 }).map(String),
      fc.constantFrom('', '# x', 'bad', ' 7 ', '8\r'),
    );
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), fc.boolean(), (rows, restarts) => {
        using stand = new Stand(rows.join('\n'));
        const expected = rows.filter((text) => /^\s*[1-9]\s*$/.test(text));
        let issued = stand.issue();
        for (const text of expected) {
          if (restarts) issued = stand.issue();
          const current = issued.find(({ id }) => stand.keeper.isOpen(stand.path, id));
          assert.equal(String(current?.sequence[0]?.port), text.trim());
          assert.ok(current !== undefined && stand.keeper.use(stand.path, current.id).ok);
        }
        assert.deepEqual(stand.issue(), []);
        const after = rows.map((text) => (expected.includes(text) ? `#${text.slice(1)}` : text));
        assert.equal(stand.text, after.join('\n'));
      }),
      { numRuns: 200 },
    );
  });
});

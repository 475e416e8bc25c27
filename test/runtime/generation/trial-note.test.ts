import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { loadConfig } from '../../../src/config/load.js';
import { TrialRecord, type TriedChange } from '../../../src/runtime/generation/trial-note.js';
import { readIfExists } from '../../../src/system/files.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { TempFolder } from '../../helpers/temp.js';

const FILES: Readonly<Record<string, string>> = {
  '/c': '[paths]\ndoors = /d\ntrusted = /t\n[service.ssh]\nports = 22\n',
  '/d': '',
  '/t': '192.0.2.1\n',
};
const TRIED: TriedChange = {
  config: loadConfig({ file: '/c' }, (path) => FILES[path]),
  template: { file: '/t', text: '' },
  seconds: 60,
  before: null,
};

describe('what is noted of a trial', () => {
  it('says so until it is removed, and is taken back to what was noted before', () => {
    using folder = new TempFolder();
    const path = folder.file('unconfirmed.json');
    const note = new TrialRecord(path, new FakeClock());
    const warning = (): string => note.warning ?? '';
    assert.equal(warning(), '');
    assert.match(note.nothingOnTrial().message, /^nothing is on trial/);

    const takeBackFirst = note.write(TRIED);
    const first = readIfExists(path);
    assert.match(warning(), /^a change was tried on 2030-01-.* and not confirmed/);
    assert.match(note.nothingOnTrial().message, /^too late: the change was on trial until /);

    const takeBackSecond = note.write({ ...TRIED, seconds: 90 });
    assert.notEqual(readIfExists(path), first);
    takeBackSecond();
    assert.equal(readIfExists(path), first);
    takeBackFirst();
    assert.equal(warning(), '');

    note.write(TRIED);
    note.remove();
    assert.equal(readIfExists(path), undefined);
  });

  it('that is damaged is told, and is not written over', () => {
    using folder = new TempFolder();
    const path = folder.file('unconfirmed.json');
    writeFileSync(path, '{', { mode: 0o600 });
    const note = new TrialRecord(path, new FakeClock());
    const warning = (): string => note.warning ?? '';
    assert.match(warning(), /unconfirmed\.json is damaged/);
    assert.throws(() => note.write(TRIED), /is damaged/);
    assert.equal(readIfExists(path), '{');
  });
});

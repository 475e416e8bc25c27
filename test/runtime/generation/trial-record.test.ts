import assert from 'node:assert/strict';
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { KnockError } from '../../../src/base/errors.js';
import { loadConfig } from '../../../src/config/load.js';
import {
  asEarlierConfig,
  digest,
  trialFile,
  TrialRecord,
  type TriedChange,
  type UnconfirmedTrial,
} from '../../../src/runtime/generation/trial-record.js';
import { readIfExists } from '../../../src/system/files.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { TempFolder } from '../../helpers/temp.js';

const TEMPLATE = { file: '/t', text: '*filter\nCOMMIT\n' };
const NOTE: UnconfirmedTrial = {
  tried: 'a'.repeat(64),
  at: '2026-01-02T03:04:05.000Z',
  seconds: 60,
  before: {
    file: '/c',
    sources: [
      { path: '/c', text: 'x' },
      { path: '/d', text: null },
    ],
    template: TEMPLATE,
  },
};

const FILES: Readonly<Record<string, string>> = {
  '/c': '[paths]\ndoors = /d\ntrusted = /t\n[service.ssh]\nports = 22\n',
  '/d': '[open]\nsequence = 1,2\none_time_sequences = /once\ncommand = knockctl accept %IP%\n',
  '/t': '192.0.2.1\n',
  '/once': '1,2\n3,4\n',
};
const load = (files: Readonly<Record<string, string>>): ReturnType<typeof loadConfig> =>
  loadConfig({ file: '/c' }, (path) => files[path]);

describe('the note of what is not confirmed', () => {
  it('reads back as it was written, for its owner only, and goes', () => {
    using folder = new TempFolder();
    const path = folder.file('unconfirmed.json');
    const file = trialFile(path);
    assert.equal(file.read(), undefined);
    for (const note of [NOTE, { ...NOTE, before: null }]) {
      file.write(note);
      assert.deepEqual(file.read(), note);
    }
    assert.equal(statSync(path).mode & 0o777, 0o600);
    chmodSync(path, 0o666);
    assert.throws(() => file.read(), /others can write to it/);
    file.remove();
    file.remove();
    assert.equal(existsSync(path), false);
  });

  it('is refused where it is damaged, and never taken for none', () => {
    using folder = new TempFolder();
    const path = folder.file('unconfirmed.json');
    const file = trialFile(path);
    const whole = JSON.stringify(NOTE);
    const damaged = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.nat(whole.length - 1).map((length) => whole.slice(0, length)),
      fc
        .tuple(fc.constantFrom('tried', 'at', 'seconds', 'before'), fc.jsonValue())
        .map(([key, value]) => JSON.stringify({ ...NOTE, [key]: value })),
    );
    fc.assert(
      fc.property(damaged, (text) => {
        writeFileSync(path, text, { mode: 0o600 });
        try {
          const read = file.read();
          assert.ok(read !== undefined && /^[0-9a-f]{64}$/.test(read.tried));
          assert.ok(read.before === null || Array.isArray(read.before.sources));
        } catch (error) {
          assert.ok(error instanceof KnockError && error.exitCode === 78);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the texts of a configuration', () => {
  it('are noted as they were read, and read again give the same configuration, whatever is on disk now', () => {
    const config = load(FILES);
    assert.deepEqual(
      config.sources.map(({ path }) => path),
      ['/c', '/d', '/t'],
    );
    const earlier = { file: '/c', sources: config.sources, template: TEMPLATE };
    const changed: Readonly<Record<string, string>> = { '/c': 'nonsense', '/d': '', '/once': '3,4\n' };
    const again = loadConfig(
      { file: '/c' },
      asEarlierConfig(earlier, (path) => changed[path]),
    );
    assert.deepEqual(again.settings, config.settings);
    assert.deepEqual(again.trusted, config.trusted);
    // One-time sequences that were used since are used.
    assert.deepEqual(
      again.doors[0]?.door.sequence.map((step) => step.port),
      [3, 4],
    );
  });

  it('make a digest that the files of the rules change, and the trusted and one-time files do not', () => {
    const own = digest(load(FILES), TEMPLATE);
    const other = (files: Readonly<Record<string, string>>): string =>
      digest(load({ ...FILES, ...files }), TEMPLATE);
    assert.equal(other({ '/t': '192.0.2.2\n', '/once': '3,4\n' }), own);
    assert.notEqual(other({ '/c': `${FILES['/c']}\n` }), own);
    assert.notEqual(other({ '/d': `${FILES['/d']}\n` }), own);
    assert.notEqual(digest(load(FILES), { ...TEMPLATE, text: '' }), own);
  });
});

const TRIED: TriedChange = {
  config: load(FILES),
  template: { file: '/t', text: '' },
  seconds: 60,
  before: null,
};

describe('what is recorded of a trial', () => {
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

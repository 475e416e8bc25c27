import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { ConfigError } from '../../../src/base/errors.js';
import { loadConfig } from '../../../src/config/load.js';
import { parseOneTime } from '../../../src/config/knockd/one-time.js';
import type { Config } from '../../../src/config/settings.js';

const DOORS = '/etc/knockctl/knockd.conf';

function load(doors: string, files: Readonly<Record<string, string | Error>>, inForce = false): Config {
  const all: Readonly<Record<string, string | Error>> = { ...files, [DOORS]: doors };
  const readText = (path: string): string | undefined => {
    const found = Object.hasOwn(all, path) ? all[path] : undefined;
    if (found instanceof Error) throw found;
    return found;
  };
  return loadConfig({}, readText, { inForce });
}

function faults(doors: string, files: Readonly<Record<string, string | Error>> = {}): readonly string[] {
  let thrown: unknown;
  try {
    load(doors, files);
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof ConfigError);
  return thrown.message.split('\n');
}

describe('a one-time file', () => {
  it('has one sequence a line; blank lines and comments are passed over', () => {
    const text = '\uFEFF# used\n\n  \t\r\n\t7000 , 8000:UDP\r\n #8\n9000\n';
    const { lines, unreadable } = parseOneTime(text);
    assert.deepEqual(unreadable, []);
    assert.deepEqual(lines, [
      {
        number: 4,
        text: '\t7000 , 8000:UDP\r',
        sequence: [
          { port: 7000, protocol: 'tcp' },
          { port: 8000, protocol: 'udp' },
        ],
      },
      { number: 6, text: '9000', sequence: [{ port: 9000, protocol: 'tcp' }] },
    ]);
  });

  it('skips what cannot be read, and says so', () => {
    const { lines, unreadable } = parseOneTime('abc\n7000\n0\n8000:icmp\n\0\n\uFFFD1\n80 81\n8000');
    assert.deepEqual(
      lines.map(({ number }) => number),
      [2, 8],
    );
    assert.deepEqual(
      unreadable.map(({ number }) => number),
      [1, 3, 4, 5, 6, 7],
    );
    assert.match(unreadable[0]?.reason ?? '', /^port abc is invalid .*: the line is skipped$/);
  });

  it('is looked at up to 10,000 sequences', () => {
    const { lines, unreadable } = parseOneTime('7000\n'.repeat(10_010));
    assert.equal(lines.length, 10_000);
    assert.deepEqual(unreadable, [
      { number: 10_001, reason: 'more than 10000 sequences: the rest is not looked at' },
    ]);
  });

  it('never throws, and gives each line as it stands', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('7', '0', ',', ':', 't', '#', '\n', '\r', ' ') }),
        (text) => {
          const rows = text.split('\n');
          for (const line of parseOneTime(text).lines) assert.equal(line.text, rows[line.number - 1]);
        },
      ),
    );
  });
});

describe('a door with one-time sequences', () => {
  const doors = '[d]\none_time_sequences = /f\nseq_timeout = 5\n[e]\nsequence = 1\n';

  it('begins with the first that is left', () => {
    const config = load(doors, { '/f': '#1\n2\n3\n' });
    assert.deepEqual(config.doors[0]?.door.sequence, [{ port: 2, protocol: 'tcp' }]);
    assert.deepEqual(config.doors[0].oneTime, { path: '/f', line: 2 });
    assert.equal(config.doors[1]?.oneTime, undefined);
    assert.deepEqual(config.warnings, []);
  });

  it('warns of a line that is none, with its file', () => {
    const config = load(doors, { '/f': 'x\n2\n' });
    assert.equal(config.warnings.length, 1);
    assert.match(config.warnings[0] ?? '', /^\/f:1: port x is invalid/);
  });

  it('is refused without its file, with a file that cannot be read, and with none left', () => {
    const at = `${DOORS}:2:`;
    assert.deepEqual(faults(doors), [`${at} /f: No such file or directory (one_time_sequences of door d)`]);
    assert.deepEqual(faults(doors, { '/f': new Error('EISDIR') }), [
      `${at} /f: cannot be read: EISDIR (one_time_sequences of door d)`,
    ]);
    for (const text of ['', '# 1\n\n', 'abc\n']) {
      assert.deepEqual(faults(doors, { '/f': text }), [
        `${at} no more sequences left in the one time sequences file for door d --> disabling the door`,
      ]);
    }
  });

  it('is disabled with a warning where none is left while our rules are in force', () => {
    const config = load(doors, { '/f': '# 1\n' }, true);
    assert.deepEqual(config.doors[0]?.door.sequence, []);
    assert.deepEqual(config.warnings, [
      `${DOORS}:2: no more sequences left in the one time sequences file for door d --> disabling the door`,
    ]);
    assert.throws(() => load(doors, {}, true), ConfigError, 'but not without its file');
  });

  it('has a file of its own', () => {
    assert.deepEqual(faults(`${doors}[g]\none_time_sequences = /f\n`, { '/f': '1\n' }), [
      `${DOORS}:7: config: section g: /f is the file of door d: give each door its own`,
    ]);
  });

  it('of several ports warns where its time is over at once', () => {
    const config = load('[d]\none_time_sequences = /f\nseq_timeout = 0\n', { '/f': '1,2\n' });
    assert.deepEqual(config.warnings, [`${DOORS}:2: door d never opens: its seq_timeout is 0`]);
  });

  it('leaves the file alone where a sequence behind it wins', () => {
    const config = load('[d]\none_time_sequences = /absent\nsequence = 9\n', {});
    assert.deepEqual(config.doors[0]?.door.sequence, [{ port: 9, protocol: 'tcp' }]);
  });
});

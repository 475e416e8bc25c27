import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { parseAddress, type Network } from '../../../src/base/address.js';
import { parseCommand } from '../../../src/config/knockd/commands.js';
import { PendingStopsFile, type StoredStop } from '../../../src/runtime/doors/pending-stops-file.js';
import { readIfExists } from '../../../src/system/files.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { recordingJournal } from '../../helpers/recorder.js';
import { TempFolder } from '../../helpers/temp.js';

function host(text: string): Network {
  const parsed = parseAddress(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

function stop(address: string, line = 'close %IP%'): StoredStop {
  const due = new Date('2030-01-01T00:00:10Z');
  return { door: 'd', source: host(address), command: parseCommand(line), timeoutMs: 10_000, due };
}

/** A stop file in a folder of its own, with a clock that stands still. */
class Stand implements Disposable {
  readonly #folder = new TempFolder();
  readonly path = this.#folder.file('state/stops.json');
  readonly clock = new FakeClock();
  readonly recording = recordingJournal(this.clock);
  content: readonly StoredStop[] = [];
  readonly file = new PendingStopsFile({
    path: this.path,
    clock: this.clock,
    journal: this.recording.journal,
    content: () => new Map(this.content.entries()),
  });

  makeFolder(): void {
    mkdirSync(this.#folder.file('state'));
  }

  get text(): string | undefined {
    return readIfExists(this.path);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

function stand(): Stand {
  const made = new Stand();
  made.makeFolder();
  return made;
}

const GOOD = {
  door: 'd',
  address: '192.0.2.7',
  command: 'close %IP%',
  timeout: 10_000,
  due: '2030-01-01T00:00:10.000Z',
};

describe('the file of pending stop commands', () => {
  it('gives back what was written, for its owner alone', async () => {
    using own = stand();
    own.content = [
      stop('192.0.2.7'),
      stop('2001:db8::7', 'knockctl flush %IP%'),
      stop('192.0.2.8', 'echo "ü" \\ $x'),
    ];
    await own.file.note();
    assert.deepEqual(own.file.read(), own.content);
    assert.ok(own.text?.includes(JSON.stringify(GOOD).slice(0, -1)), own.text);
    assert.deepEqual(own.recording.lines, []);
  });

  it('is written at once, then after 50 ms for all that came meanwhile', async () => {
    using own = stand();
    own.content = [stop('192.0.2.1')];
    await own.file.note();
    assert.match(own.text ?? '', /192\.0\.2\.1/);
    const noted = [2, 3, 4].map(async (last) => {
      own.content = [...own.content, stop(`192.0.2.${last}`)];
      return own.file.note();
    });
    own.clock.advance(49);
    assert.doesNotMatch(own.text ?? '', /192\.0\.2\.2/);
    own.clock.advance(1);
    assert.match(own.text ?? '', /192\.0\.2\.4/);
    await Promise.all(noted);
    own.clock.advance(50);
    assert.equal(own.clock.timers, 0);
  });

  it('is written at once where that is asked for, and leaves no timer', async () => {
    using own = stand();
    await own.file.note();
    own.content = [stop('192.0.2.1')];
    const noted = own.file.note();
    own.file.flush();
    assert.match(own.text ?? '', /192\.0\.2\.1/);
    await noted;
    assert.equal(own.clock.timers, 0);
  });

  it('is not there where nothing waits', async () => {
    using own = stand();
    assert.deepEqual(own.file.read(), []);
    own.content = [stop('192.0.2.1')];
    await own.file.note();
    own.content = [];
    const noted = own.file.note();
    own.clock.advance(50);
    await noted;
    assert.equal(own.text, undefined);
  });

  it('that cannot be written is told once until it can, and holds nothing up', async () => {
    using own = new Stand();
    own.content = [stop('192.0.2.1')];
    for (let round = 0; round < 3; round += 1) {
      await own.file.note();
      own.clock.advance(50);
    }
    assert.equal(own.recording.lines.length, 1);
    assert.match(
      own.recording.lines[0] ?? '',
      /^error cannot keep the stop commands that wait in .*no such file/,
    );
    own.makeFolder();
    await own.file.note();
    assert.deepEqual(own.file.read(), own.content);
    assert.equal(own.recording.lines.length, 1);
  });

  const DAMAGED: readonly (readonly [string, string, RegExp])[] = [
    ['half a file', '[{"door":"d",', /JSON/],
    ['not an entry', '{}\n', /entry 1: it has no door/],
    ['a line that is no JSON', '{"door":"d",\n', /entry 1: it is not of the right shape/],
    ['an entry that is none', '[7]', /entry 1: it is not of the right shape/],
    [
      'a field too many',
      JSON.stringify([{ ...GOOD, kind: 'shell' }]),
      /entry 1: it is not of the right shape/,
    ],
    ['no door', JSON.stringify([{ ...GOOD, door: '' }]), /it has no door/],
    ['an address that is none', JSON.stringify([{ ...GOOD, address: '$(id)' }]), /is not an IPv4 or IPv6/],
    ['a network', JSON.stringify([{ ...GOOD, address: '192.0.2.0/24' }]), /is a network/],
    ['another form of it', JSON.stringify([{ ...GOOD, address: '2001:DB8::7' }]), /is not canonical/],
    ['no command', JSON.stringify([{ ...GOOD, command: '' }]), /no command of one line/],
    ['two lines', JSON.stringify([{ ...GOOD, command: 'a\nb' }]), /no command of one line/],
    ['a negative time-out', JSON.stringify([{ ...GOOD, timeout: -1 }]), /no cmd_timeout/],
    ['no time', JSON.stringify([{ ...GOOD, due: 'soon' }]), /it has no time/],
    ['a time by number', JSON.stringify([{ ...GOOD, due: 7 }]), /it has no time/],
  ];
  for (const [what, text, reason] of DAMAGED) {
    it(`is set aside where it holds ${what}`, () => {
      using own = stand();
      writeFileSync(own.path, text);
      assert.deepEqual(own.file.read(), []);
      assert.equal(own.recording.lines.length, 1);
      assert.match(
        own.recording.lines[0] ?? '',
        /^error .*stops\.json is damaged: .*it is kept as .*\.damaged$/,
      );
      assert.match(own.recording.lines[0] ?? '', reason);
      assert.equal(own.text, undefined);
      assert.equal(readFileSync(`${own.path}.damaged`, 'utf8'), text);
    });
  }

  it('is appended to, and written anew where little of it counts any more', async () => {
    using own = stand();
    own.content = [stop('192.0.2.1')];
    await own.file.note();
    let longest = 0;
    const files = new Set<number>();
    for (let round = 0; round < 250; round += 1) {
      for (const more of [[stop(`10.0.0.${round}`)], []]) {
        own.content = [stop('192.0.2.1'), ...more];
        const noted = own.file.note();
        own.clock.advance(50);
        await noted;
        longest = Math.max(longest, own.text?.length ?? 0);
        files.add(statSync(own.path).ino);
      }
    }
    // Red with whole files at each change.
    assert.ok(longest < 66_000 && files.size <= 2, `${longest} bytes at most, in ${files.size} files`);
    assert.deepEqual(own.file.read(), own.content);
  });

  it('passes over a line that a crash has cut off: its door was not open yet', async () => {
    using own = stand();
    own.content = [stop('192.0.2.1')];
    await own.file.note();
    writeFileSync(own.path, `${own.text ?? ''}{"door":"d","addr`);
    assert.deepEqual(own.file.read(), own.content);
    assert.deepEqual(own.recording.lines, []);
  });

  it('is written anew where somebody has removed it', async () => {
    using own = stand();
    own.content = [stop('192.0.2.1')];
    await own.file.note();
    writeFileSync(own.path, '');
    own.content = [stop('192.0.2.1'), stop('192.0.2.2')];
    const noted = own.file.note();
    own.clock.advance(50);
    await noted;
    assert.deepEqual(own.file.read(), own.content);
  });

  it('that is damaged in part gives what is sound', () => {
    using own = stand();
    writeFileSync(own.path, JSON.stringify([GOOD, 7, { ...GOOD, address: '::1' }, {}]));
    assert.deepEqual(own.file.read(), [stop('192.0.2.7'), stop('::1')]);
    assert.match(own.recording.lines[0] ?? '', /entry 2: it is not of the right shape, and 1 more/);
  });

  it('that others can write to is not believed', () => {
    using own = stand();
    writeFileSync(own.path, JSON.stringify([GOOD]));
    chmodSync(own.path, 0o622);
    assert.deepEqual(own.file.read(), []);
    assert.match(own.recording.lines[0] ?? '', /is damaged: .*mode 0622: others can write to it/);
  });

  it('never gives what is not sound, whatever it holds', () => {
    using own = stand();
    const field = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(...Object.values(GOOD), '::ffff:1.2.3.4', 'accept', 'knockctl accept %IP%'),
    );
    const entry = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(...Object.keys(GOOD)).chain((key) => field.map((value) => ({ ...GOOD, [key]: value }))),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
        writeFileSync(own.path, JSON.stringify(entries));
        for (const { door, source, command, timeoutMs, due } of own.file.read()) {
          assert.ok(door.length > 0);
          assert.deepEqual(host(source.text), source);
          assert.deepEqual(parseCommand(command.line), command);
          assert.ok(timeoutMs >= 0 && Number.isInteger(timeoutMs));
          assert.ok(Number.isFinite(due.getTime()));
        }
      }),
      { numRuns: 300 },
    );
  });
});

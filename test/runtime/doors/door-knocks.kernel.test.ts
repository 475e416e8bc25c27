import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { parseCommand } from '../../../src/config/knockd/commands.js';
import type { DoorSettings } from '../../../src/config/settings.js';
import { KnockHandler } from '../../../src/runtime/doors/knock-handler.js';
import { handleListenerMessage } from '../../../src/supervisor/listener/message-handler.js';
import { OneTimeLedger } from '../../../src/runtime/doors/one-time-ledger.js';
import { PendingStops } from '../../../src/runtime/doors/pending-stops.js';
import { Shell } from '../../../src/runtime/doors/shell.js';
import { readIfExists } from '../../../src/system/files.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { recordingJournal } from '../../helpers/recorder.js';
import { VerbStand } from '../../helpers/verb-context.js';
import { door } from '../../knock/support.js';

/** One door, with real sets, a real shell, and a clock that stands still. OUT becomes a file. */
class Stand implements AsyncDisposable {
  readonly verbs = new VerbStand();
  readonly clock = new FakeClock();
  readonly recording = recordingJournal(this.clock);
  readonly dir = this.verbs.space.dir;
  readonly shell = new Shell();
  readonly oneTime = new OneTimeLedger(this.recording.journal);
  readonly settings: DoorSettings;
  readonly keeper: KnockHandler;
  readonly stops = new PendingStops({
    path: `${this.dir}/stops.json`,
    clock: this.clock,
    journal: this.recording.journal,
    run: async (stop) => this.keeper.stop(stop),
  });

  constructor(start: string, stop: string | undefined, repeat: 'each' | 'extend', sequences?: string) {
    const command = (line: string): ReturnType<typeof parseCommand> =>
      parseCommand(line.replaceAll('OUT', `${this.dir}/out`));
    const actions = { start: command(start), stop: stop === undefined ? undefined : command(stop) };
    const path = `${this.dir}/sequences`;
    if (sequences !== undefined) writeFileSync(path, sequences);
    this.settings = {
      door: { ...door('7000'), id: 1, name: 'd' },
      line: 1,
      actions: { 4: actions, 6: actions },
      cmdTimeoutMs: 10_000,
      oneTime: sequences === undefined ? undefined : { path, line: 2 },
    };
    this.keeper = new KnockHandler([this.settings], {
      journal: this.recording.journal,
      shell: this.shell,
      clock: this.clock,
      verbs: this.verbs.context,
      repeat,
      stops: this.stops,
      oneTime: this.oneTime,
    });
  }

  /** A knock, whose place on disk is not waited for longer than it takes. */
  async knock(address: string, sequence?: number): Promise<void> {
    const done = this.keeper.knock(1, address, sequence);
    this.clock.advance(50);
    return done;
  }

  get out(): string[] {
    return (readIfExists(`${this.dir}/out`) ?? '').split('\n').slice(0, -1);
  }

  /** Lines logged since the last call. */
  take(): string[] {
    return this.recording.lines.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stops.close();
    await this.verbs[Symbol.asyncDispose]();
  }
}

describe('knocks at an open door', () => {
  it('have a pair of commands each', async () => {
    await using stand = new Stand('echo start %IP% >> OUT', 'echo stop %IP% >> OUT', 'each');
    await stand.knock('192.0.2.7');
    await stand.knock('192.0.2.7');
    assert.equal(stand.stops.count, 2);
    await stand.stops.runAll();
    assert.deepEqual(stand.out, ['start 192.0.2.7', 'start 192.0.2.7', 'stop 192.0.2.7', 'stop 192.0.2.7']);
  });

  it('with repeat = extend put its stop command off, for their own address alone', async () => {
    await using stand = new Stand('echo start %IP% >> OUT', 'echo stop %IP% >> OUT', 'extend');
    await stand.knock('192.0.2.7');
    stand.clock.advance(9_000);
    await stand.knock('192.0.2.8');
    await stand.knock('192.0.2.7');
    stand.clock.advance(9_000);
    assert.equal(stand.stops.count, 2);
    assert.deepEqual(stand.out, ['start 192.0.2.7', 'start 192.0.2.8']);
    assert.equal(stand.take().filter((line) => line.endsWith('OPEN SESAME')).length, 3);
    await stand.stops.runAll();
    assert.deepEqual(stand.out.slice(2).sort(), ['stop 192.0.2.7', 'stop 192.0.2.8']);
  });

  it('with repeat = extend begin the time of a verb’s entry anew', async () => {
    await using stand = new Stand('knockctl accept %IP% --timeout 100', 'echo stop >> OUT', 'extend');
    await stand.verbs.build();
    await stand.knock('192.0.2.7');
    await stand.verbs.context.sets.add('ssh', 'filter', [
      { network: { family: 4, prefix: 32, text: '192.0.2.7' }, timeoutS: 20, origin: 'door d' },
    ]);
    await stand.knock('192.0.2.7');
    assert.deepEqual(await stand.verbs.list('ssh', 'filter'), ['192.0.2.7 by door d for 100']);
    assert.equal(stand.stops.count, 1);
  });

  it('are noted on disk before their start command runs', async () => {
    await using stand = new Stand(
      `cat DIR/stops.json > OUT`.replace('DIR', '$(dirname OUT)'),
      'x %IP%',
      'each',
    );
    await stand.knock('192.0.2.7');
    assert.match(stand.out.join(), /"address":"192\.0\.2\.7","command":"x %IP%","timeout":10000/);
  });
});

describe('a flood of knocks', () => {
  it('is dropped where too many commands wait, in one line a second, and nothing is closed that was not opened', async () => {
    await using stand = new Stand('until [ -e OUT ]; do sleep 0.05; done', 'true', 'each');
    const knocks = Array.from({ length: 3_000 }, async (_, index) =>
      stand.keeper.knock(1, `10.0.${index >> 8}.${index & 255}`),
    );
    stand.clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(stand.shell.pending, 1_064);
    stand.clock.advance(1_000);
    const said = stand.take().filter((line) => line.startsWith('error'));
    assert.deepEqual(said, [
      `error ${3_000 - 1_064} start commands were dropped: too many knocks in a short time`,
    ]);
    writeFileSync(`${stand.dir}/out`, '');
    stand.shell.dropStarts();
    await Promise.all(knocks);
    assert.ok(stand.stops.count <= 64);
    stand.keeper.tellDropped();
  });
});

describe('a one-time door', () => {
  const START = 'cat $(dirname OUT)/sequences >> OUT';

  it('marks the sequence before its command runs, and is disabled after the last', async () => {
    await using stand = new Stand(START, undefined, 'each', '7000\n7001\n');
    const [first, second] = stand.oneTime.issue(stand.settings);
    assert.ok(first !== undefined && second !== undefined);
    await stand.knock('192.0.2.7', first.id);
    assert.deepEqual(stand.out, ['#000', '7001']);
    await stand.knock('2001:db8::7', second.id);
    assert.deepEqual(stand.out.slice(2), ['#000', '#001']);
    const path = `${stand.dir}/sequences`;
    assert.deepEqual(
      stand.take().filter((line) => !line.includes('running command')),
      [
        'info 192.0.2.7: d: OPEN SESAME',
        `info d: sequence in line 1 of ${path} used, 1 left`,
        'info 2001:db8::7: d: OPEN SESAME',
        `info d: sequence in line 2 of ${path} used, 0 left`,
        'info no more sequences left in the one time sequences file for door d --> disabling the door',
      ],
    );
  });

  it('runs nothing where the sequence cannot be marked', async () => {
    await using stand = new Stand(START, 'echo stop >> OUT', 'each', '7000\n');
    const [first] = stand.oneTime.issue(stand.settings);
    writeFileSync(`${stand.dir}/sequences`, '');
    await stand.knock('192.0.2.7', first?.id);
    assert.deepEqual(stand.out, []);
    assert.equal(stand.stops.count, 0);
    assert.match(
      stand.take().at(-1) ?? '',
      /^error d: the command is not run: line 1 of .* is not there any more; put a #/,
    );
  });

  it('condemns a listener that names a sequence which is none, or used, or names none', async () => {
    await using stand = new Stand('true', undefined, 'each', '7000\n');
    const [first] = stand.oneTime.issue(stand.settings);
    assert.ok(first !== undefined);
    const condemned: string[] = [];
    const tell = (sequence: number | undefined): void => {
      const more = sequence === undefined ? {} : { sequence };
      handleListenerMessage(
        { type: 'knock', door: 1, address: '192.0.2.7', ...more },
        stand.keeper,
        stand.recording.journal,
        {
          killCompromised: (reason) => void condemned.push(reason),
        },
      );
    };
    for (const sequence of [undefined, first.id + 1, first.id, first.id]) tell(sequence);
    assert.deepEqual(condemned, [
      'it named sequence undefined of door d, which is none',
      `it named sequence ${first.id + 1} of door d, which is none`,
      `it named sequence ${first.id} of door d, which is none`,
    ]);
    assert.equal(stand.take().filter((line) => line.includes('OPEN SESAME')).length, 1);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { parseCommand } from '../../../src/config/knockd/commands.js';
import type { DoorActions, DoorSettings } from '../../../src/config/settings.js';
import { KnockHandler } from '../../../src/runtime/doors/knock-handler.js';
import { handleListenerMessage } from '../../../src/supervisor/listener/message-handler.js';
import { OneTimeLedger } from '../../../src/runtime/doors/one-time-ledger.js';
import { PendingStops } from '../../../src/runtime/doors/pending-stops.js';
import { Shell } from '../../../src/runtime/doors/shell.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { recordingJournal } from '../../helpers/recorder.js';
import { VerbStand } from '../../helpers/verb-context.js';
import { waitFor } from '../../helpers/wait.js';
import { door } from '../../knock/support.js';

const actions = (start?: string, stop?: string): DoorActions => ({
  start: start === undefined ? undefined : parseCommand(start),
  stop: stop === undefined ? undefined : parseCommand(stop),
});

const NOTHING = actions();

function settings(
  id: number,
  name: string,
  four: DoorActions,
  six: DoorActions = NOTHING,
  cmdTimeoutMs = 10_000,
): DoorSettings {
  const recognised = { ...door('7000'), id, name };
  return { door: recognised, line: 1, actions: { 4: four, 6: six }, cmdTimeoutMs, oneTime: undefined };
}

/** A keeper of doors with real sets, a real shell, and a clock that stands still. */
class Stand implements AsyncDisposable {
  readonly verbs = new VerbStand();
  readonly clock = new FakeClock();
  readonly recording = recordingJournal(this.clock);
  readonly keeper: KnockHandler;
  readonly stops: PendingStops;

  constructor(doors: readonly DoorSettings[], repeat: 'each' | 'extend' = 'each') {
    const { journal } = this.recording;
    this.stops = new PendingStops({
      path: `${this.dir}/stops.json`,
      clock: this.clock,
      journal,
      run: async (stop) => this.keeper.stop(stop),
    });
    this.keeper = new KnockHandler(doors, {
      journal,
      shell: new Shell(),
      clock: this.clock,
      verbs: this.verbs.context,
      repeat,
      stops: this.stops,
      oneTime: new OneTimeLedger(journal),
    });
  }

  get dir(): string {
    return this.verbs.space.dir;
  }

  /** Lines logged since the last call. */
  take(): string[] {
    return this.recording.lines.splice(0);
  }

  /** What a door command has written into the folder. */
  text(name: string): string {
    return readFileSync(`${this.dir}/${name}`, 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stops.close();
    await this.verbs[Symbol.asyncDispose]();
  }
}

describe('a knock at a door', () => {
  it('with a verb of ours is carried out here, with the entry’s own time-out', async () => {
    await using stand = new Stand([settings(1, 'openSSH', actions('/etc/rc.d/init.d/knockd accept %IP%'))]);
    await stand.verbs.build();
    await stand.keeper.knock(1, '192.0.2.7');
    assert.deepEqual(await stand.verbs.list('ssh', 'filter'), ['192.0.2.7 by door openSSH for 300']);
    assert.deepEqual(stand.take(), [
      'info 192.0.2.7: openSSH: OPEN SESAME',
      'info openSSH: running command: /etc/rc.d/init.d/knockd accept 192.0.2.7',
    ]);
    assert.equal(stand.clock.timers, 0);
  });

  it('never bans the trusted, and says so', async () => {
    await using stand = new Stand([settings(1, 'bad', actions('knockctl drop %IP% --force'))]);
    await stand.verbs.build();
    await stand.verbs.context.sets.add('ssh', 'trusted', [
      { network: { family: 4, prefix: 32, text: '192.0.2.7' }, timeoutS: 0, origin: 'cli' },
    ]);
    await stand.keeper.knock(1, '192.0.2.7');
    assert.deepEqual(await stand.verbs.list('ssh', 'banned'), []);
    assert.equal(stand.take().at(-1), 'warn bad: drop refused: 192.0.2.7 is trusted');
    await stand.keeper.knock(1, '192.0.2.8');
    assert.deepEqual(await stand.verbs.list('ssh', 'decoyed'), ['192.0.2.8 by door bad for 3600']);
  });

  it('with a line of the administrator’s runs it in a shell, %IP% filled in', async () => {
    await using stand = new Stand([]);
    const out = `${stand.dir}/out`;
    await using own = new Stand([settings(1, 'd', actions(`echo "%IP% and %IP%" >> ${out}; exit 3`))]);
    await own.keeper.knock(1, '192.0.2.7');
    assert.equal(stand.text('out'), '192.0.2.7 and 192.0.2.7\n');
    assert.equal(own.take().at(-1), 'info d: command returned non-zero status code (3)');
  });

  it('runs the command of its family', async () => {
    await using stand = new Stand([]);
    const write = (text: string): DoorActions => actions(`echo ${text} %IP% >> ${stand.dir}/out`);
    await using own = new Stand([
      settings(1, 'd', write('four'), write('six')),
      settings(2, 'e', write('x')),
    ]);
    await own.keeper.knock(1, '192.0.2.7');
    await own.keeper.knock(1, '2001:db8::7');
    own.take();
    await own.keeper.knock(2, '2001:db8::7');
    assert.deepEqual(own.take(), ['info 2001:db8::7: e: OPEN SESAME'], 'this door does nothing for IPv6');
    assert.equal(stand.text('out'), 'four 192.0.2.7\nsix 2001:db8::7\n');
  });

  it('is closed after cmd_timeout from the end of its start command, with knockd’s lines', async () => {
    await using stand = new Stand([]);
    const [start, stop] = ['open', 'close'].map((word) => `echo ${word} %IP% >> ${stand.dir}/out`);
    await using own = new Stand([settings(1, 'd', actions(start, stop))]);
    await own.keeper.knock(1, '192.0.2.7');
    assert.equal(own.stops.count, 1);
    own.clock.advance(9_999);
    assert.equal(stand.text('out'), 'open 192.0.2.7\n');
    own.clock.advance(1);
    await waitFor(() => own.stops.count === 0, 'the stop command');
    assert.equal(stand.text('out'), 'open 192.0.2.7\nclose 192.0.2.7\n');
    assert.deepEqual(own.take(), [
      'info 192.0.2.7: d: OPEN SESAME',
      `info d: running command: echo open 192.0.2.7 >> ${stand.dir}/out`,
      'info 192.0.2.7: d: command timeout',
      `info d: running command: echo close 192.0.2.7 >> ${stand.dir}/out`,
    ]);
  });

  it('is closed when we end, whatever its time', async () => {
    await using stand = new Stand([]);
    const line = (word: string): string => `echo ${word} %IP% >> ${stand.dir}/out`;
    await using own = new Stand([settings(1, 'd', actions(line('open'), line('close')), NOTHING, 3_600_000)]);
    const knocks = ['192.0.2.7', '192.0.2.8'].map(async (address) => own.keeper.knock(1, address));
    own.clock.advance(50); // what is written to disk is written together
    await Promise.all(knocks);
    await own.stops.runAll();
    const closed = stand
      .text('out')
      .split('\n')
      .filter((text) => text.startsWith('close'));
    assert.deepEqual(closed.sort(), ['close 192.0.2.7', 'close 192.0.2.8']);
    assert.equal(own.stops.count, 0);
  });

  it('with a stop command only does nothing, as knockd', async () => {
    await using stand = new Stand([settings(1, 'd', actions(undefined, 'exit 9'))]);
    await stand.keeper.knock(1, '192.0.2.7');
    assert.deepEqual(stand.take(), ['info 192.0.2.7: d: OPEN SESAME']);
    assert.equal(stand.stops.count, 0);
  });

  it('at a door that does not exist, or from what is no address, is nothing', async () => {
    await using stand = new Stand([settings(1, 'd', actions('exit 1'))]);
    await stand.keeper.knock(2, '192.0.2.7');
    for (const address of ['', '192.0.2.0/24', '$(id)', 'localhost', '192.0.2.7; id']) {
      await stand.keeper.knock(1, address);
    }
    assert.deepEqual(stand.take(), []);
  });

  it('that fails in the kernel is told, and stops nothing', async () => {
    await using stand = new Stand([settings(1, 'd', actions('knockctl accept %IP%'))]); // no sets
    await stand.keeper.knock(1, '192.0.2.7');
    assert.match(
      stand.take().at(-1) ?? '',
      /^error d: knockctl accept 192\.0\.2\.7: the sets of this service are not in the kernel/,
    );
  });
});

describe('what the listener says', () => {
  const known = settings(1, 'd', NOTHING);

  it('goes to the log as knockd writes it', async () => {
    await using stand = new Stand([known]);
    const condemned: string[] = [];
    const listener = { killCompromised: (reason: string) => void condemned.push(reason) };
    const tell = (message: Parameters<typeof handleListenerMessage>[0]): void => {
      handleListenerMessage(message, stand.keeper, stand.recording.journal, listener);
    };
    tell({ type: 'stage', door: 1, address: '192.0.2.7', stage: 1 });
    tell({ type: 'timeout', door: 1, address: '192.0.2.7', stage: 1 });
    tell({ type: 'knock', door: 1, address: '192.0.2.7' });
    tell({ type: 'suppressed', count: 7 });
    tell({ type: 'beat', packets: 7 });
    assert.deepEqual(stand.take(), [
      'info 192.0.2.7: d: Stage 1',
      'info 192.0.2.7: d: sequence timeout (stage 1)',
      'info 192.0.2.7: d: OPEN SESAME',
      'warn 7 knocks and stages were not reported: too many in a short time',
    ]);
    assert.deepEqual(condemned, []);
  });

  it('condemns it where no sound one could say that', async () => {
    await using stand = new Stand([known]);
    const condemned: string[] = [];
    const listener = { killCompromised: (reason: string) => void condemned.push(reason) };
    for (const message of [
      { type: 'knock', door: 2, address: '192.0.2.7' },
      { type: 'stage', door: 99, address: '192.0.2.7', stage: 1 },
      { type: 'knock', door: 1, address: '192.0.2.7', sequence: 5 },
    ] as const) {
      handleListenerMessage(message, stand.keeper, stand.recording.journal, listener);
    }
    assert.deepEqual(condemned, [
      'it named door 2, which does not exist',
      'it named door 99, which does not exist',
      'it named sequence 5 of door d, which is none',
    ]);
    assert.deepEqual(stand.take(), []);
  });
});

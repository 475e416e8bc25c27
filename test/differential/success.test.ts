/** Rows of knockd-compat.md about what a knock runs, and what is logged of it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Observation } from './observation.js';
import { Pair, type Both, type Daemon } from './pair.js';
import { packets, SOURCES } from './words.js';

/** A command that writes `WHAT DOOR ADDRESS TIME`, and `then` something. */
function write(what: string, door: string, then = ''): string {
  return `echo ${what} ${door} %IP% $(date +%s%3N) >> OUT${then}`;
}

function pairOf(name: string, port: number, cmdTimeout: string): string {
  return `[${name}]\nsequence = ${port}\n${cmdTimeout}start_command = ${write('start', name)}\nstop_command = ${write('stop', name)}\n`;
}

const TIMES = { zero: 0, one: 1, unset: 10 } as const;

const DOORS = [
  pairOf('zero', 7000, 'cmd_timeout = 0\n'),
  pairOf('one', 7001, 'cmd_timeout = 1\n'),
  pairOf('unset', 7010, ''),
  `[seven]\nsequence = 7002\ncommand = ${write('start', 'seven', '; exit 7')}\n`,
  `[absent]\nsequence = 7003\ncommand = ${write('start', 'absent', '; /there/is/no/such/program %IP%')}\n`,
  `[killed]\nsequence = 7004\ncommand = ${write('start', 'killed', '; kill -9 $$')}\n`,
  `[fails]\nsequence = 7013\nstart_command = ${write('start', 'fails', '; exit 3')}\ncmd_timeout = 0\nstop_command = ${write('stop', 'fails')}\n`,
  `[dies]\nsequence = 7014\nstart_command = ${write('start', 'dies', '; kill -9 $$')}\ncmd_timeout = 0\nstop_command = ${write('stop', 'dies')}\n`,
  '[none]\nsequence = 7005\n',
  '[empty]\nsequence = 7006\ncommand =\n',
  `[only]\nsequence = 7007\ncmd_timeout = 0\nstop_command = ${write('stop', 'only')}\n`,
  `${pairOf('six', 7008, 'cmd_timeout = 0\n')}start_command_6 = ${write('start6', 'six')}\nstop_command_6 = ${write('stop6', 'six')}\n`,
  `${pairOf('silent', 7009, 'cmd_timeout = 0\n')}start_command_6 =\n`,
  `${pairOf('open', 7011, 'cmd_timeout = 0\n')}stop_command_6 =\n`,
  `[words]\nsequence = 7012\ncommand = echo start words %IP% '%IP%x' %ip% "$(echo sub)" >> OUT; echo more\n`,
].join('');

/** Door by door, and `one` a second time while it is open. */
const KNOCKS = packets(
  '7000 7001 7010 7002 7003 7004 7005 7006 7007 7008 7009 7011 7012 7013 7014 six.7008 six.7009 six.7011 six.7010 wait300 7001',
);

/** Where a signal killed the command, knockd logs the status 0. */
const KILLED = /^(?:dies|killed): command returned/;

/** Of an empty stop_command_6 knockd logs a time-out and that it runs nothing; ours knows that there is nothing to do. */
const NOTHING = [`${SOURCES.six}: open: command timeout`, 'open: running command: '];

/** Lines that the processes of both write at any time, so that their order is nobody's. */
function logged(pair: Pair, daemon: Daemon): string[] {
  const lines = pair.log(daemon).filter((line) => /command (?:timeout|returned)|running command/.test(line));
  return lines.map((line) => line.replaceAll(pair.outFile(daemon), 'OUT')).toSorted();
}

/** Milliseconds from each start of a door to its stop; they overlap by less than they last. */
function openMs(lines: readonly string[], door: string, source: string): number[] {
  const times = (what: string): number[] =>
    lines
      .filter((line) => line.startsWith(`${what} ${door} ${source} `))
      .map((line) => Number(line.split(' ')[3]))
      .toSorted((a, b) => a - b);
  const stops = times('stop');
  return times('start').map((start, index) => (stops[index] ?? NaN) - start);
}

describe('commands, run by both', () => {
  let pair: Pair;
  let seen: Both<Observation>;

  before(async () => {
    pair = await Pair.open();
    await pair.load(DOORS);
    seen = await pair.run(KNOCKS);
  });

  after(async () => {
    await pair[Symbol.asyncDispose]();
  });

  test('which', () => {
    assert.deepEqual(seen.ours.sources, seen.knockd.sources);
    const ran = (daemon: Daemon): string[] =>
      pair
        .output(daemon)
        .map((line) => line.replace(/ \d{13}$/, ''))
        .toSorted();
    assert.deepEqual(ran('ours'), ran('knockd'));
    const { a, six } = SOURCES;
    const both = ['zero', 'one', 'one', 'unset', 'six', 'silent', 'open', 'fails', 'dies'];
    const expected = [
      ...both.flatMap((door) => [`start ${door} ${a}`, `stop ${door} ${a}`]),
      ...['seven', 'absent', 'killed'].map((door) => `start ${door} ${a}`),
      `start words ${a} ${a}x %ip% sub`,
      ...[`start6 six ${six}`, `stop6 six ${six}`, `start unset ${six}`, `stop unset ${six}`],
      `start open ${six}`,
    ];
    assert.deepEqual(ran('ours'), expected.toSorted());
  });

  test('when', () => {
    for (const daemon of ['ours', 'knockd'] as const) {
      for (const [door, seconds] of Object.entries(TIMES)) {
        const open = openMs(pair.output(daemon), door, SOURCES.a);
        assert.equal(open.length, door === 'one' ? 2 : 1);
        const sound = open.every((ms) => ms >= 1000 * seconds - 20 && ms < 1000 * seconds + 5000);
        assert.ok(sound, `${daemon}: ${door} was open for ${open.join(', ')} ms`);
      }
    }
  });

  test('what is logged', () => {
    const ours = logged(pair, 'ours').filter((line) => !KILLED.test(line));
    const knockd = logged(pair, 'knockd').filter((line) => !KILLED.test(line));
    assert.deepEqual([...ours, ...NOTHING].toSorted(), knockd);
    assert.deepEqual(
      ours.filter((line) => line.includes('returned')),
      [
        'absent: command returned non-zero status code (127)',
        'fails: command returned non-zero status code (3)',
        'seven: command returned non-zero status code (7)',
      ],
    );
  });

  test('what is logged of a command that a signal kills', () => {
    const killed = (daemon: Daemon): string[] => logged(pair, daemon).filter((line) => KILLED.test(line));
    assert.deepEqual(killed('knockd'), [
      'dies: command returned non-zero status code (0)',
      'killed: command returned non-zero status code (0)',
    ]);
    assert.deepEqual(killed('ours'), killed('knockd'));
  });

  test('no command too many', () => {
    assert.deepEqual(pair.late(), []);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Request } from '../../../src/wire/control.js';
import { DONE, run, type Setting } from '../fixture.js';

const SESSION: Setting = { session: '203.0.113.9' };

/** Words, and the one request that they become. */
const REQUESTS: readonly (readonly [string, Request, Setting?])[] = [
  ['accept 192.0.2.1', { verb: 'accept', targets: ['192.0.2.1'] }],
  ['accept 192.0.2.1 ::1', { verb: 'accept', targets: ['192.0.2.1', '::1'] }],
  ['accept 192.0.2.1 --timeout 0', { verb: 'accept', targets: ['192.0.2.1'], timeoutS: 0 }],
  ['accept -t 2147483 192.0.2.1', { verb: 'accept', targets: ['192.0.2.1'], timeoutS: 2_147_483 }],
  ['accept 192.0.2.1 --service web', { verb: 'accept', targets: ['192.0.2.1'], service: 'web' }],
  ['accept 10.0.0.0/7 --force', { verb: 'accept', targets: ['10.0.0.0/7'], force: true }],
  ['accept localhost', { verb: 'accept', targets: ['localhost'] }],
  ['accept 192.0.2.1', { verb: 'accept', targets: ['192.0.2.1'] }, SESSION],
  ['drop 192.0.2.1', { verb: 'drop', targets: ['192.0.2.1'] }],
  ['drop 192.0.2.1', { verb: 'drop', targets: ['192.0.2.1'], session: '203.0.113.9' }, SESSION],
  [
    'drop 192.0.2.1 --timeout=60 --force',
    { verb: 'drop', targets: ['192.0.2.1'], timeoutS: 60, force: true, session: '203.0.113.9' },
    SESSION,
  ],
  ['trust home.example.org', { verb: 'trust', targets: ['home.example.org'] }],
  ['trust 192.0.2.1 --save', { verb: 'trust', targets: ['192.0.2.1'], save: true }],
  ['untrust 192.0.2.1 --save', { verb: 'untrust', targets: ['192.0.2.1'], save: true }],
  ['flush all', { verb: 'flush', targets: ['all'] }],
  ['flush filter 192.0.2.1', { verb: 'flush', targets: ['filter', '192.0.2.1'] }],
  ['list', { verb: 'list' }],
  ['list banned', { verb: 'list', list: 'banned' }],
  ['events', { verb: 'events', follow: false }],
  ['events --follow', { verb: 'events', follow: true }],
  ['events -f', { verb: 'events', follow: true }],
  ['reload', { verb: 'reload' }],
  ['reload', { verb: 'reload', session: '203.0.113.9', port: 22 }, { ...SESSION, sessionPort: 22 }],
  ['reload --trial 60', { verb: 'reload', trialS: 60 }],
  ['reload --trial=5', { verb: 'reload', trialS: 5 }],
  ['reload --trial 3600', { verb: 'reload', trialS: 3_600 }],
  ['confirm', { verb: 'confirm' }],
  ['--json accept 192.0.2.1', { verb: 'accept', targets: ['192.0.2.1'] }],
  ['accept 192.0.2.1 --json', { verb: 'accept', targets: ['192.0.2.1'] }],
  ['-c /x accept 192.0.2.1', { verb: 'accept', targets: ['192.0.2.1'] }],
  ['accept 192.0.2.1 -c /x', { verb: 'accept', targets: ['192.0.2.1'] }],
];

describe('the command line becomes a request', () => {
  for (const [line, request, setting] of REQUESTS) {
    it(`${line}${setting === undefined ? '' : ' in an SSH session'}`, async () => {
      const isShown = ['list', 'events'].includes(request.verb);
      const frames = [{ type: 'reply', reply: isShown ? { ...DONE, data: [] } : DONE } as const];
      const { code, asked } = await run(line.split(' '), { frames, ...setting });
      assert.deepEqual(asked, [request]);
      assert.equal(code, 0);
    });
  }
});

describe('what is no command is a usage error, and asks nobody', () => {
  const WRONG = [
    ['bogus'],
    ['accept'],
    ['accept', '--bogus', '192.0.2.1'],
    ['accept', '-j'],
    ['accept', '192.0.2.1', '--timeout'],
    ['accept', '192.0.2.1', '--timeout', '-1'],
    ['accept', '192.0.2.1', '--timeout', '1.5'],
    ['accept', '192.0.2.1', '--timeout', '1e3'],
    ['accept', '192.0.2.1', '--timeout', ' 5'],
    ['accept', '192.0.2.1', '--timeout', '2147484'],
    ['accept', '192.0.2.1', '--timeout', '5m'],
    ['accept', '192.0.2.1', '--save'],
    ['drop', '192.0.2.1', '--service', 'web'],
    ['trust', '192.0.2.1', '--timeout', '5'],
    ['flush', 'all', '--force'],
    ['list', 'everything'],
    ['list', 'banned', 'filter'],
    ['status', 'now'],
    ['reload', '-x'],
    ...['4', '3601', '-1', '60s', '1e2', '5.5', ' 60', ''].map((text) => ['reload', '--trial', text]),
    ['reload', '--trial'],
    ['start', '--trial', '0'],
    ['restart', '--trial', '60'],
    ['confirm', '60'],
    ['events', '--tail'],
    ['stop', 'all'],
  ];
  for (const words of WRONG) {
    it(words.join(' '), async () => {
      const { code, asked, direct, err, out } = await run(words);
      assert.equal(code, 64);
      assert.deepEqual([...asked, ...direct], []);
      assert.match(err, /^error: /);
      assert.equal(out, '');
    });
  }

  it('help and version are no errors', async () => {
    const help = await run(['--help']);
    assert.equal(help.code, 0);
    for (const command of [
      'accept',
      'drop',
      'trust',
      'untrust',
      'flush',
      'list',
      'events',
      'check',
      'start',
      'stop',
      'restart',
      'condrestart',
      'restartifdead',
      'reload',
      'confirm',
      'status',
      'setup',
      'run',
      'knock',
    ]) {
      assert.match(help.out, new RegExp(`^  ${command}\\b`, 'm'), command);
    }
    assert.deepEqual((await run(['--version'])).out, '9\n');
  });
});

describe('targets', () => {
  it('come from words, a file, and standard input, comments and blank lines aside', async () => {
    const files = { '/f': '192.0.2.1 # one\n\n  # two\n192.0.2.2\r\n', '-': '192.0.2.3\n192.0.2.4' };
    const { asked } = await run(['drop', '192.0.2.0', '--file', '/f', '-'], { files });
    assert.deepEqual(asked, [
      { verb: 'drop', targets: ['192.0.2.0', '192.0.2.3', '192.0.2.4', '192.0.2.1', '192.0.2.2'] },
    ]);
    const fromInput = await run(['accept', '--file', '-'], { files });
    assert.deepEqual(fromInput.asked, [{ verb: 'accept', targets: ['192.0.2.3', '192.0.2.4'] }]);
  });

  it('of an empty file are none: a usage error', async () => {
    const { code, asked, err } = await run(['drop', '--file', '/f'], { files: { '/f': '# nothing\n' } });
    assert.deepEqual([code, asked], [64, []]);
    assert.match(err, /no address was given, neither as a word nor by --file/);
  });

  it('of a file that is not there are an error', async () => {
    await assert.rejects(run(['drop', '--file', '/nope']), /no such file \/nope/);
  });
});

describe('without a supervisor', () => {
  it('verbs act on the kernel directly, and say so', async () => {
    const { code, out, err, direct } = await run(['accept', '192.0.2.1'], { frames: undefined });
    assert.deepEqual(direct, [{ verb: 'accept', targets: ['192.0.2.1'] }]);
    assert.deepEqual(
      [code, out, err],
      [0, 'done\n', 'note: no supervisor is running: acted on the kernel directly\n'],
    );
  });

  it('a refusal is not said to be done', async () => {
    const directReply = { exitCode: 1, remarks: [{ level: 'error', text: 'no' }] } as const;
    const { code, err } = await run(['accept', '192.0.2.1'], { frames: undefined, directReply });
    assert.deepEqual([code, err], [1, 'knockctl: no\n']);
  });

  it('there are no events, and nothing to reload', async () => {
    await assert.rejects(
      run(['events'], { frames: undefined }),
      /no supervisor is running, so there are no events/,
    );
    await assert.rejects(run(['reload'], { frames: undefined }), /knockctl is not running/);
  });

  it('condrestart and restartifdead do nothing where nothing was started', async () => {
    const { code, out, err } = await run(['condrestart'], { frames: undefined });
    assert.deepEqual([code, out, err], [0, '', '']);
  });

  it('run is the supervisor in the foreground', async () => {
    assert.equal((await run(['run'])).code, 42);
  });
});

describe('a supervisor that answers nonsense', () => {
  it('is an error, never success', async () => {
    const closed = run(['accept', '192.0.2.1'], { frames: [] });
    await assert.rejects(closed, /closed the connection without an answer/);
    const wrong = { type: 'reply', reply: { exitCode: 999, remarks: [] } } as never;
    await assert.rejects(run(['accept', '192.0.2.1'], { frames: [wrong] }), /malformed reply/);
    const data = [{ kind: 'x' }];
    for (const verb of ['list', 'events'])
      await assert.rejects(
        run([verb], { frames: [{ type: 'reply', reply: { exitCode: 0, remarks: [], data } }] }),
        new RegExp(`^ProtocolError: the supervisor sent (?:a )?malformed ${verb}`),
      );
  });

  it('its exit code is ours', async () => {
    for (const exitCode of [1, 69, 75] as const) {
      const frames = [{ type: 'reply', reply: { ...DONE, exitCode } } as const];
      assert.equal((await run(['accept', '192.0.2.1'], { frames })).code, exitCode);
    }
  });
});

describe('events', () => {
  const happening = (
    number: number,
  ): {
    type: 'event';
    event: { number: number; time: string; kind: string; text: string; fields: object };
  } => ({
    type: 'event',
    event: { number, time: '2030-01-01T00:00:00.000Z', kind: 'knock', text: `event ${number}`, fields: {} },
  });

  it('come in order, none twice, although some came both live and in the reply', async () => {
    const past = [1, 2, 3].map((number) => happening(number).event);
    const reply = { type: 'reply', reply: { exitCode: 0, remarks: [], data: past } } as const;
    const frames = [happening(3), happening(4), reply, happening(5)] as never;
    const { out, code } = await run(['events', '--follow', '--json'], { frames });
    const numbers = out
      .trim()
      .split('\n')
      .map((line) => /"number":(\d+)/.exec(line)?.[1]);
    assert.deepEqual(numbers, ['1', '2', '3', '4', '5']);
    assert.equal(code, 0);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  asError,
  CommandError,
  ConfigError,
  describeError,
  errorText,
  EXIT,
  formatFault,
  KnockError,
  ProtocolError,
  type CommandFailure,
} from '../../src/base/errors.js';

const FAILURE: CommandFailure = {
  argv: ['/sbin/ipset', 'list'],
  exitCode: undefined,
  signal: undefined,
  timedOut: false,
  stderr: '',
  input: undefined,
};

describe('the error family', () => {
  it('is one family, with names, exit codes and causes', () => {
    const cause = new Error('below');
    const errors = [
      new KnockError('no', { cause }),
      new ProtocolError('no', { cause }),
      new CommandError(FAILURE, { cause }),
    ];
    for (const error of errors) {
      assert.ok(error instanceof KnockError && error instanceof Error);
      assert.equal(error.cause, cause);
    }
    assert.deepEqual(
      errors.map((error) => [error.name, error.exitCode]),
      [
        ['KnockError', EXIT.refused],
        ['ProtocolError', EXIT.refused],
        ['CommandError', EXIT.firewall],
      ],
    );
    assert.equal('cause' in new KnockError('no'), false);
  });

  it('has the exit codes of the contract', () => {
    const codes = { ok: 0, refused: 1, usage: 64, firewall: 69, busy: 75, notRoot: 77, config: 78 };
    assert.deepEqual({ ...EXIT }, codes);
  });

  it('tells every configuration fault, each with its place', () => {
    const faults = [
      { file: '/etc/a', line: 3, message: 'one' },
      { file: '/etc/b', line: 0, message: 'two' },
    ];
    const error = new ConfigError(faults);
    assert.equal(error.message, '/etc/a:3: one\n/etc/b: two');
    assert.equal(error.exitCode, EXIT.config);
    assert.deepEqual(error.faults.map(formatFault), ['/etc/a:3: one', '/etc/b: two']);
  });

  it('says how a command failed', () => {
    const message = (more: Partial<CommandFailure>): string =>
      new CommandError({ ...FAILURE, ...more }).message;
    assert.equal(
      message({ exitCode: 2, stderr: ' no set\n' }),
      '/sbin/ipset list failed with status 2: no set',
    );
    assert.equal(message({ signal: 'SIGKILL' }), '/sbin/ipset list was killed by SIGKILL');
    assert.equal(message({ signal: 'SIGKILL', timedOut: true }), '/sbin/ipset list timed out');
    assert.equal(message({ stderr: 'ENOENT' }), '/sbin/ipset list could not be run: ENOENT');
  });

  it('has a text for whatever is thrown', () => {
    assert.equal(errorText(new TypeError('x')), 'x');
    assert.equal(errorText('y'), 'y');
    assert.equal(errorText(undefined), 'undefined');
  });
});

it('anything thrown has a text, an exit code and perhaps a hint', () => {
  assert.deepEqual(describeError(new KnockError('no', { exitCode: EXIT.busy, hint: 'wait' })), {
    exitCode: EXIT.busy,
    text: 'no',
    hint: 'wait',
  });
  for (const thrown of [new Error('ENOSPC'), 'ENOSPC'])
    assert.deepEqual(describeError(thrown), { exitCode: EXIT.firewall, text: 'ENOSPC', hint: undefined });
});

it('anything thrown becomes an error, and an error stays the same', () => {
  const error = new KnockError('no');
  assert.equal(asError(error), error);
  assert.equal(asError('no').message, 'no');
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ConfigError } from '../../src/base/errors.js';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/settings.js';
import { asEarlierConfig } from '../../src/runtime/generation/trial-record.js';
import { UntrustedFile } from '../../src/system/strict-file.js';

const CONF = '/c/knockctl.conf';
const FILES: Readonly<Record<string, string>> = {
  [CONF]: `[paths]
doors = /c/doors
trusted = /c/trusted
rules = /c/rules
run = /r
state = /s
[listener]
user = somebody
[failsafe]
rescue_command = /bin/evil
[log]
file = /etc/passwd
[service.ssh]
on_failure = hold
`,
  '/c/doors': `[a]
sequence = 1,2
command = knockctl accept %IP%
[b]
one_time_sequences = /c/once
command = /bin/true
`,
  '/c/once': '7,8\n',
  '/c/trusted': '192.0.2.1\n',
};

function load(weak: readonly string[], leavesOut: boolean): Config {
  const readText = (path: string): string | undefined => {
    const text = FILES[path];
    if (weak.includes(path))
      throw new UntrustedFile(path, { text: `${path} is weak`, fix: `chmod go-w ${path}` }, text ?? '');
    return text;
  };
  return loadConfig({ file: CONF }, readText, { inForce: false, leavesOut });
}

const names = ({ doors }: Config): readonly string[] => doors.map(({ door }) => door.name);

describe('a file of the configuration that others could have written', () => {
  it('is a fault, with what fixes it, and all of them at once', () => {
    const weak = ['/c/doors', '/c/trusted', '/c/rules/service.rules'];
    assert.throws(
      () => load(weak, false),
      (error) => {
        assert.ok(error instanceof ConfigError);
        const told = error.faults.map(({ file, message }) => `${file}: ${message}`);
        assert.deepEqual(
          told,
          weak.map((path) => `${path}: cannot be trusted: ${path} is weak; chmod go-w ${path}`),
        );
        return true;
      },
    );
    assert.throws(() => load([CONF], false), /knockctl\.conf: cannot be trusted/);
    assert.throws(() => load(['/c/once'], false), /once: cannot be trusted/);
  });

  it('is left out where a start must not be refused, and the rest comes up', () => {
    const doors = load(['/c/doors'], true);
    assert.deepEqual([names(doors), doors.trusted.length, doors.settings.services.length], [[], 1, 1]);
    assert.deepEqual(doors.leftOut, [
      {
        text: '/c/doors cannot be trusted: /c/doors is weak; its doors are left out',
        fix: 'chmod go-w /c/doors',
      },
    ]);
    const trusted = load(['/c/trusted'], true);
    assert.deepEqual([names(trusted), trusted.trusted.length], [['a', 'b'], 0]);
    const once = load(['/c/once'], true);
    assert.deepEqual([names(once), once.leftOut.length], [['a'], 1]);
    assert.equal(load(['/c/rules/service.rules'], true).settings.paths.rules, '');
    assert.deepEqual(load([], true).leftOut, []);
  });

  it('that is knockctl.conf itself says what is to be shut, and nothing that root would run, open or write', () => {
    const { settings, doors, trusted, leftOut } = load([CONF], true);
    assert.deepEqual(
      settings.services.map(({ name, onFailure }) => [name, onFailure]),
      [['ssh', 'hold']],
    );
    assert.deepEqual([settings.paths.run, settings.paths.state], ['/r', '/s']);
    assert.equal(settings.failsafe.rescueCommand, undefined);
    assert.equal(settings.log.file, undefined);
    assert.equal(settings.listener.user, '_knockctl');
    assert.equal(settings.paths.rules, '');
    assert.deepEqual([doors, trusted], [[], []], 'others could have named any files of root');
    assert.equal(leftOut.length, 1);
  });

  it('stays so in a copy of an earlier configuration', () => {
    const { sources } = load(['/c/doors'], true);
    const earlier = {
      file: CONF,
      sources: JSON.parse(JSON.stringify(sources)) as typeof sources,
      template: { file: '', text: '' },
    };
    const again = loadConfig(
      { file: CONF },
      asEarlierConfig(earlier, () => undefined),
      { inForce: true, leavesOut: true },
    );
    assert.deepEqual([names(again), again.leftOut.length], [[], 1]);
  });
});

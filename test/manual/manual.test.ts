import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { EXIT } from '../../src/base/errors.js';
import { documentedProgram } from './fragments.js';
import { COMPLETION, MANUAL, writtenFiles } from './pages.js';

describe('man pages and completion', () => {
  for (const { path, is, shouldBe } of writtenFiles()) {
    it(`${path.pathname.split('/').at(-1) ?? ''} agrees with the program (else: npm run docs)`, () => {
      assert.equal(is, shouldBe);
    });
  }

  it('knockctl(8) tells every exit code', () => {
    const page = readFileSync(new URL('knockctl.8', MANUAL), 'utf8');
    for (const code of Object.values(EXIT)) assert.match(page, new RegExp(`^\\.It ${code}$`, 'm'));
  });

  it('bash completes commands, options, lists and files', () => {
    const complete = (...words: readonly string[]): string[] => {
      const script = `source ${COMPLETION.pathname}knockctl.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _knockctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const done = spawnSync('/bin/bash', ['-c', script, 'bash', 'knockctl', ...words], {
        encoding: 'utf8',
        cwd: '/etc',
      });
      assert.equal(done.stderr, '');
      return done.stdout
        .split('\n')
        .filter((line) => line !== '')
        .sort();
    };
    assert.deepEqual(complete('restart'), ['restart', 'restartifdead']);
    assert.deepEqual(complete('flush', 'f'), ['filter']);
    assert.deepEqual(complete('--json', 'accept', '--t'), ['--timeout']);
    assert.deepEqual(complete('-c', 'list', 'accept', '--t'), ['--timeout'], 'a file called as a command is');
    assert.deepEqual(complete('init', '--on-failure', 'h'), ['hold']);
    assert.deepEqual(
      complete('-c', 'passw'),
      ['passwd', 'passwd-'].filter((name) => readdirSync('/etc').includes(name)),
    );
    const commands = documentedProgram().commands.map((command) => command.name());
    assert.deepEqual(
      commands.filter((name) => !complete('').includes(name)),
      [],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ConfigError } from '../../src/base/errors.js';
import { parseCommand } from '../../src/config/knockd/commands.js';
import { loadConfig } from '../../src/config/load.js';
import { commandsThat } from '../../src/base/commands.js';
import { COMMANDS, optionsOf, verbFault } from '../../src/config/verb-lines.js';
import { makeProgram } from '../../src/ctl/cli/program.js';

const DOORS = '/etc/knockctl/knockd.conf';

function load(line: string, leavesOut = false): readonly string[] {
  const text = `[d]\nsequence = 1\ncommand = ${line}\n`;
  const config = loadConfig({}, (path) => (path === DOORS ? text : undefined), { inForce: false, leavesOut });
  return config.warnings;
}

/** Options that stand before or behind every command. */
const GLOBAL: readonly (string | undefined)[] = ['-c', '--config', '--json'];

describe('lines that are meant to be verbs', () => {
  it('-t is --timeout, as on the command line', () => {
    const line = 'knockctl accept %IP% -t 60';
    assert.deepEqual(parseCommand(line), {
      kind: 'verb',
      verb: 'accept',
      timeoutS: 60,
      service: undefined,
      line,
    });
    assert.equal(parseCommand('knockctl trust %IP% -t 60').kind, 'shell');
    assert.equal(parseCommand('knockctl accept %IP% -t').kind, 'shell');
  });

  const errors: readonly (readonly [line: string, text: RegExp])[] = [
    ['knockctl acept %IP%', /no command "acept" \(did you mean accept\?\)/],
    ['sudo knockctl acept %IP%', /did you mean accept/],
    ['/usr/local/bin/knockctl aceppt %IP%', /did you mean accept/],
    ['sudo -n /usr/bin/knockctl flsh %IP%', /did you mean flush/],
    ['env X=1 knockctl Accept %IP%', /did you mean accept/],
    ['/etc/rc.d/init.d/knockd acept %IP%', /did you mean accept/],
    ['knockctl allow %IP%', /no command "allow"; verbs of doors are accept, drop/],
    ['knockctl acept "$X"', /did you mean accept/],
    ['knockctl acept %IP% && logger x', /did you mean accept/],
    ['logger x; knockctl acept %IP%', /did you mean accept/],
    ['knockctl', /says no command/],
    ['knockctl accept', /accept is told no address: write %IP%/],
    ['knockctl accept --timeout 60', /told no address/],
    ['knockctl accept %ip%', /"%ip%" is no address: %IP%, in capitals/],
    ['knockctl accept IP', /"IP" is no address/],
    ['knockctl drop %IP% --time 60', /drop has no option "--time" \(did you mean --timeout\?\)/],
    ['knockctl trust %IP% -t 5', /trust has no option "-t"/],
    ['knockctl accept %IP% --timeout', /--timeout needs a value/],
    ['knockctl accept %IP% -t 5m', /-t "5m": a whole number of seconds/],
    ['knockctl accept %IP% extra', /"extra" is no address/],
  ];
  for (const [line, text] of errors) {
    it(`${line}: an error`, () => {
      const fault = verbFault(line);
      assert.equal(fault?.isError, true);
      assert.match(fault.text, text);
      assert.throws(
        () => load(line),
        (error) =>
          error instanceof ConfigError &&
          error.exitCode === 78 &&
          error.message.startsWith(`${DOORS}:1: door d: ${line}: `),
      );
      // A start that is refused at a boot is an open port.
      assert.ok(
        load(line, true).some((warning) => text.test(warning)),
        line,
      );
    });
  }

  const remarks: readonly (readonly [line: string, text: RegExp])[] = [
    ['sudo knockctl accept %IP%', /sudo in front of it is not needed/],
    ['knockctl accept %IP%/24', /of %IP%\/24, which is more/],
    ['knockctl accept 203.0.113.7', /of 203.0.113.7, whoever knocked/],
    ['knockctl accept %IP%; logger x', /more than one plain command/],
    ['knockctl accept %IP% > /dev/null', /more than one plain command/],
    ['knockctl accept %IP% # note', /a comment behind it/],
    ['knockctl -c /etc/other.conf accept %IP%', /option of its own in front/],
    ['knockctl accept %IP% %IP%', /several addresses/],
  ];
  for (const [line, text] of remarks) {
    it(`${line}: a remark`, () => {
      const fault = verbFault(line);
      assert.equal(fault?.isError, false);
      assert.match(fault.text, text);
      const [warning = ''] = load(line);
      assert.match(
        warning,
        /no verb that knockctl carries out itself .*the kernel does not know this door; and without a \[service\.NAME\] nothing is shut$/,
      );
    });
  }

  for (const line of [
    'knockctl accept %IP%',
    'knockctl restart',
    'knockctl flush banned',
    'sudo knockctl reload',
    '/etc/init.d/knockd restart',
    '/etc/init.d/knockd condrestart now',
    'knockd -d',
    'iptables -I INPUT -s %IP% -j ACCEPT',
    'logger knockctl acept',
    'knockctl $VERB %IP%',
    '',
  ]) {
    it(`${JSON.stringify(line)}: no word`, () => {
      const fault = verbFault(line);
      assert.ok(fault === undefined || line === 'knockctl flush banned', fault?.text);
      assert.notEqual(fault?.isError, true);
    });
  }

  for (const line of ['knockctl drop --spare %IP%', 'knockctl flush --from banned %IP%']) {
    it(`${line}: runs by the shell, and is no error`, () => {
      const fault = verbFault(line);
      assert.equal(fault?.isError, false);
      assert.match(fault.text, /\(with an option that only the command line has\)/);
    });
  }

  it('knows all commands of the program, and their options', () => {
    const program = makeProgram(
      { version: '0', quiet: true, context: () => { throw new Error('unused'); }, run: async () => Promise.resolve(0) },
      () => undefined,
    ); // prettier-ignore
    const names = program.commands.map((command) => command.name());
    assert.deepEqual([...names, 'help'].sort(), [...COMMANDS].sort());
    for (const verb of commandsThat('byDoors')) {
      const typed = program.commands.find((command) => command.name() === verb)?.options ?? [];
      const words = typed.flatMap(({ short, long }) =>
        [short, long].filter((word) => word !== undefined && !GLOBAL.includes(word)),
      );
      assert.deepEqual([...optionsOf(verb).keys()].sort(), words.sort(), verb);
    }
  });
});

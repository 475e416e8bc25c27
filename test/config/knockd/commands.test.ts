import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { KnockError } from '../../../src/base/errors.js';
import { expandCommand, parseCommand } from '../../../src/config/knockd/commands.js';

describe('verbs', () => {
  const verbs: readonly (readonly [string, string, number | undefined, string | undefined])[] = [
    ['knockctl accept %IP%', 'accept', undefined, undefined],
    ['/usr/sbin/knockctl drop %IP%', 'drop', undefined, undefined],
    ['/etc/rc.d/init.d/knockd accept %IP%', 'accept', undefined, undefined],
    ['/etc/init.d/knockctl trust %IP%', 'trust', undefined, undefined],
    ['./knockctl untrust %IP%', 'untrust', undefined, undefined],
    ['knockd flush %IP%', 'flush', undefined, undefined],
    ['knockctl accept "%IP%"', 'accept', undefined, undefined],
    ["knockctl accept '%IP%'", 'accept', undefined, undefined],
    ['knockctl \t accept   %IP%', 'accept', undefined, undefined],
    ['knockctl accept %IP% --timeout 60', 'accept', 60, undefined],
    ['knockctl accept --timeout=0 %IP%', 'accept', 0, undefined],
    ['knockctl drop --service ssh --force %IP% --timeout 2147483', 'drop', 2_147_483, 'ssh'],
    ['knockctl accept %IP% --service=web_1', 'accept', undefined, 'web_1'],
  ];
  for (const [line, verb, timeoutS, service] of verbs) {
    it(line, () => {
      assert.deepEqual(parseCommand(line), { kind: 'verb', verb, timeoutS, service, line });
    });
  }

  const shell = [
    '',
    'knockctl',
    'knockctl accept',
    'knockctl accept %ip%',
    'knockctl accept 1.2.3.4',
    'knockctl accept %IP% %IP%',
    'knockctl accept %IP%;reboot',
    'knockctl accept %IP% ; reboot',
    'knockctl accept %IP% && reboot',
    'knockctl accept %IP% &',
    'knockctl accept %IP% | tee',
    'knockctl accept %IP% > /dev/null',
    'knockctl accept %IP% < /x',
    'knockctl accept $(echo %IP%)',
    'knockctl accept `x` %IP%',
    'knockctl accept %IP%\nreboot',
    'knockctl accept %IP% # note',
    'knockctl accept x%IP%',
    'knockctl accept "%IP%',
    'knockctl accept %IP% extra',
    'knockctl accept %IP% --timeout',
    'knockctl accept %IP% --timeout abc',
    'knockctl accept %IP% --timeout=-1',
    'knockctl accept %IP% --timeout 2147484',
    'knockctl accept %IP% --timeout=1=2',
    'knockctl accept %IP% --service',
    'knockctl accept %IP% --service=a;b',
    'knockctl accept %IP% --force=1',
    'knockctl accept %IP% --save',
    'knockctl trust %IP% --timeout 5',
    'knockctl ban %IP%',
    'knockctl Accept %IP%',
    'knockctl -c /etc/other.conf accept %IP%',
    'sudo knockctl accept %IP%',
    'PATH=/x/knockctl accept %IP%',
    '$HOME/knockctl accept %IP%',
    '~/knockctl accept %IP%',
    'xknockctl accept %IP%',
    '/etc/init.d/knock.init accept %IP%',
    '/etc/init.d/knockd.sh accept %IP%',
  ];
  for (const line of shell) {
    it(`leaves ${JSON.stringify(line)} to the shell`, () => {
      assert.deepEqual(parseCommand(line), { kind: 'shell', line });
    });
  }

  it('hold nothing that only a shell understands, whatever is put into the line', () => {
    const parts = fc.constantFrom(
      'knockctl', '/usr/sbin/knockd', 'accept', 'drop', '%IP%', '"%IP%"', '--timeout', '=', '60', '--service', 'ssh',
      ' ', ' ', ' ', ';', '&', '|', '$', '`', '>', '<', '\n', '#', '*', '?', '(', ')', '\\', "'", '"', '{', '!', '~',
    ); // prettier-ignore
    const line = fc.oneof(
      fc.array(parts, { maxLength: 14 }).map((words) => words.join('')),
      fc.array(parts, { maxLength: 4 }).map((words) => `knockctl accept %IP% ${words.join('')}`),
    );
    let verbs = 0;
    fc.assert(
      fc.property(line, (text) => {
        const command = parseCommand(text);
        assert.equal(command.line, text);
        if (command.kind !== 'verb') return;
        verbs += 1;
        assert.doesNotMatch(text.replace(/(["'])%IP%\1/, '%IP%'), /[;&|$`<>\n#*?()\\'"{!~]/);
      }),
      { numRuns: 5_000 },
    );
    assert.ok(verbs > 50, `only ${verbs} were verbs: the test says little`);
  });
});

describe('%IP%', () => {
  it('is replaced everywhere, exactly so', () => {
    assert.equal(
      expandCommand('a %IP% "%IP%" %ip% %%IP%%', '192.0.2.1'),
      'a 192.0.2.1 "192.0.2.1" %ip% %192.0.2.1%',
    );
    assert.equal(expandCommand('a %IP%', '2001:db8::1'), 'a 2001:db8::1');
    assert.equal(expandCommand('a', '192.0.2.1'), 'a');
  });

  for (const address of [
    '',
    'localhost',
    '1.2.3.4; reboot',
    '10.0.0.0/8',
    '::FFFF',
    '::ffff:1.2.3.4',
    '1.2.3',
    '$&',
    ' 1.2.3.4',
  ]) {
    it(`never becomes ${JSON.stringify(address)}`, () => {
      assert.throws(() => expandCommand('a %IP%', address), KnockError);
    });
  }
});

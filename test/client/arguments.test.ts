import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { parseArguments, type KnockPlan } from '../../src/client/arguments.js';

const services = (): string => 'ssh 22/tcp\nntp 123/udp\n';

function planOf(...argv: string[]): KnockPlan {
  const parsed = parseArguments(argv, services);
  assert.ok(parsed.ok && parsed.value.kind === 'knock', argv.join(' '));
  return parsed.value.plan;
}

function refusalOf(...argv: string[]): string {
  const parsed = parseArguments(argv, services);
  assert.ok(!parsed.ok, argv.join(' '));
  return parsed.reason;
}

function knocksOf(...argv: string[]): string[] {
  return planOf(...argv).knocks.map((knock) => `${knock.protocol} ${knock.port}`);
}

test('the defaults', () => {
  assert.deepEqual(planOf('host', '7000'), {
    host: 'host',
    family: undefined,
    interface: undefined,
    knocks: [{ protocol: 'tcp', port: 7000, portText: '7000' }],
    delayMs: 0,
    times: 1,
    verbose: false,
    command: undefined,
  });
});

test('a protocol is tcp or udp and nothing else, and -u makes all of them UDP', () => {
  assert.deepEqual(knocksOf('h', '1', '2:udp', '3:tcp'), ['tcp 1', 'udp 2', 'tcp 3']);
  assert.deepEqual(knocksOf('-u', 'h', '1:tcp', '2'), ['udp 1', 'udp 2']);
  for (const word of ['4:UDP', '5:', '6:udp:x', '7:icmp', '8:tpc'])
    assert.match(refusalOf('h', '1', word), /is no protocol; PORT:tcp or PORT:udp$/, word);
});

test('names of services', () => {
  assert.deepEqual(knocksOf('h', 'ssh', 'ntp:udp', 'ssh:udp', 'ntp'), [
    'tcp 22',
    'udp 123',
    'udp 22',
    'tcp 123',
  ]);
  assert.equal(planOf('h', 'ssh').knocks[0]?.portText, 'ssh');
});

test('/etc/services is read only where a port is a name', () => {
  const never = (): string => {
    throw new Error('read without need');
  };
  assert.ok(parseArguments(['h', '1', '65535:udp', '0080'], never).ok);
});

test('the forms of the delay', () => {
  const forms = [
    ['-d300'],
    ['-d', '300'],
    ['--delay', '300'],
    ['--delay=300'],
    ['-d', '5', '-d', '300'],
    ['-vd300'],
  ];
  for (const form of forms) assert.equal(planOf(...form, 'h', '1').delayMs, 300, form.join(' '));
  assert.equal(refusalOf('-d', '-5', 'h', '1'), 'delay cannot be negative');
  assert.equal(refusalOf('-d-5', 'h', '1'), 'delay cannot be negative');
  for (const junk of ['abc', '3x', '', '1.5', '2147483648', '1e3']) {
    assert.match(refusalOf('-d', junk, 'h', '1'), /is not a number of milliseconds from 0 to 2147483647$/);
  }
});

test('families', () => {
  assert.equal(planOf('-4', 'h', '1').family, 4);
  assert.equal(planOf('--ipv6', 'h', '1').family, 6);
  assert.equal(refusalOf('-46', 'h', '1'), '-4 and -6 exclude each other; give one of them, or neither');
});

test('--both', () => {
  assert.equal(planOf('--both', 'h', '1').family, 'both');
  assert.equal(
    refusalOf('--both', '-4', 'h', '1'),
    '--both and -4 exclude each other; give one of them, or neither',
  );
  assert.equal(
    refusalOf('-6', 'h', '1', '--both'),
    '--both and -6 exclude each other; give one of them, or neither',
  );
});

test('the forms of the interface', () => {
  for (const form of [
    ['-i', 'eth1'],
    ['-ieth1'],
    ['-vi', 'eth1'],
    ['--interface=eth1'],
    ['--interface', 'eth1'],
  ]) {
    assert.equal(planOf(...form, 'h', '1').interface, 'eth1', form.join(' '));
  }
  assert.equal(refusalOf('--interface=', 'h', '1'), 'the interface is empty; give a name such as eth0');
});

test('what stands behind --then is a command, and left as it is', () => {
  const words = ['ssh', '-v', '-4', '--then', '--help', '-d', '', '--', 'gate'];
  const plain = planOf('-d5', 'gate', '1', '2');
  for (const before of [
    ['-d5', 'gate', '1', '2'],
    ['gate', '1', '-d', '5', '2'],
    ['gate', '1', '2', '-d5'],
  ]) {
    assert.deepEqual(planOf(...before, '--then', ...words), { ...plain, command: words }, before.join(' '));
  }
  assert.deepEqual(planOf('gate', '1', '-uvd5', '--then', '-x').command, ['-x']);
  assert.match(refusalOf('--', 'gate', '1', '--then', 'ssh'), /^port '--then' is neither/);
});

test('ports that are none', () => {
  for (const port of ['0', '65536', '70000', '99999999999999999999', '00']) {
    assert.equal(refusalOf('h', '1', port), `port ${port} is not from 1 to 65535`);
  }
  for (const junk of ['abc', '80x', '', ' 80', '+80', '0x50', ':7', '1-5', '７', 'toString']) {
    const reason = refusalOf('h', '1', junk);
    assert.match(reason, /^port '.*' is neither a number nor the name of a service in \/etc\/services$/);
  }
  assert.match(refusalOf('h', '1', 'tcp:7'), /^'7' in tcp:7 is no protocol/);
  assert.match(refusalOf('', '1'), /^the host is empty/);
});

test('usage and version', () => {
  const kinds: [string[], unknown][] = [
    [[], { kind: 'usage', problem: undefined }],
    [['h'], { kind: 'usage', problem: undefined }],
    [['-h'], { kind: 'usage', problem: undefined }],
    [['--help', '-V', 'h', '0'], { kind: 'usage', problem: undefined }],
    [['-V', '-h'], { kind: 'version' }],
    [['h', '1', '--version'], { kind: 'version' }],
    [['--bogus', 'h', '1'], { kind: 'usage', problem: 'unknown option --bogus' }],
    [['h', '-5'], { kind: 'usage', problem: 'unknown option -5' }],
    [['-ux', 'h', '1'], { kind: 'usage', problem: 'unknown option -x' }],
    [['--toString', 'h', '1'], { kind: 'usage', problem: 'unknown option --toString' }],
    [['--udp=yes', 'h', '1'], { kind: 'usage', problem: 'option --udp takes no value' }],
    [['--both=4', 'h', '1'], { kind: 'usage', problem: 'option --both takes no value' }],
    [['h', '1', '-i'], { kind: 'usage', problem: 'option -i needs the name of an interface' }],
    [['h', '1', '--then'], { kind: 'usage', problem: 'option --then needs a command after it' }],
    [['h', '1', '--then', ''], { kind: 'usage', problem: 'option --then needs a command after it' }],
    [['h', '1', '--then=ssh'], { kind: 'usage', problem: 'option --then takes no value' }],
    [['h', '--then', 'ssh'], { kind: 'usage', problem: undefined }],
    [['h', '1', '-d'], { kind: 'usage', problem: 'option -d needs a time in milliseconds' }],
  ];
  for (const [argv, expected] of kinds) {
    assert.deepEqual(parseArguments(argv, services), { ok: true, value: expected }, argv.join(' '));
  }
});

test('after -- all words are operands', () => {
  assert.equal(planOf('-v', '--', '-host', '1').host, '-host');
  assert.match(refusalOf('--', 'h', '-5'), /^port '-5' is neither/);
});

test('options mean the same wherever they stand', () => {
  const option = fc.constantFrom<string[]>(
    ['-u'],
    ['-v'],
    ['-6'],
    ['-d', '20'],
    ['-d20'],
    ['-uv'],
    ['--delay=20'],
    ['-vd', '20'],
    ['-i', 'eth1'],
    ['--interface=eth1'],
  );
  const port = fc.integer({ min: 1, max: 65_535 }).map((number) => [String(number)]);
  const words = fc.tuple(fc.array(option), fc.array(port, { minLength: 1 }), fc.infiniteStream(fc.nat()));
  fc.assert(
    fc.property(words, ([options, ports, places]) => {
      const operands = [['host'], ...ports];
      const mixed = [...operands];
      for (const one of options) mixed.splice((places.next().value ?? 0) % (mixed.length + 1), 0, one);
      assert.deepEqual(planOf(...mixed.flat()), planOf(...options.flat(), ...operands.flat()));
    }),
  );
});

test('whatever the words, the outcome is a plan that can be sent, or a refusal', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('-d', '-u', '--', '-4', '1:udp', 'ssh', 'h', '-', '-d=', '-i', '--both', '--then'),
  );
  fc.assert(
    fc.property(fc.array(word), (argv) => {
      const parsed = parseArguments(argv, services);
      if (!parsed.ok || parsed.value.kind !== 'knock') return;
      const { host, knocks, delayMs, command } = parsed.value.plan;
      const then = argv.indexOf('--then');
      if (command !== undefined) assert.deepEqual(command, argv.slice(then + 1));
      assert.ok(host !== '' && knocks.length > 0 && Number.isInteger(delayMs) && delayMs >= 0);
      assert.ok(knocks.every(({ port }) => Number.isInteger(port) && port >= 1 && port <= 65_535));
    }),
  );
});

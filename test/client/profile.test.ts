import assert from 'node:assert/strict';
import { test } from 'node:test';

import { USAGE } from '../../src/client/usage.js';
import { runWith, systemError, type Outcome } from './run-with.js';

const OFFICE = `# the office
host = 192.0.2.7
ports = 7000, 8000:udp 9000
delay = 5
repeat = 1
family = 4
then = ssh -o 'User Known=x' "a b"c
`;

async function knock(files: Readonly<Record<string, string>>, ...argv: readonly string[]): Promise<Outcome> {
  return runWith(argv, {
    read: (file) => {
      const text = files[file.replace('/home/a/.config/knock/', '')];
      if (text === undefined) throw systemError('ENOENT');
      return text;
    },
  });
}

test('knock NAME knocks as the file says, and runs its command', async () => {
  const { deeds, exitCode } = await knock({ office: OFFICE }, 'office');
  const knocks = ['tcp 192.0.2.7 7000', 'udp 192.0.2.7 8000', 'tcp 192.0.2.7 9000'];
  const all = [...knocks.flatMap((one) => [one, 'sleep 5']), 'sleep 95', 'run ssh|-o|User Known=x|a bc'];
  assert.deepEqual(deeds, all);
  assert.equal(exitCode, 42);
});

test('what stands in the command line counts more than the file', async () => {
  const { deeds } = await knock({ office: OFFICE }, '-d', '0', 'office', '-u', '--then', 'date', '-u');
  assert.deepEqual(
    deeds.slice(0, 3),
    [7000, 8000, 9000].map((port) => `udp 192.0.2.7 ${port}`),
  );
  assert.deepEqual(deeds.slice(3), ['sleep 100', 'run date|-u']);
  const six = await knock({ office: OFFICE.replace('192.0.2.7', '2001:db8::7') }, '-6', 'office');
  assert.equal(six.deeds[0], 'tcp 2001:db8::7 7000');
});

test('knock - takes host and ports from standard input', async () => {
  const { deeds } = await knock({ '-': '192.0.2.7 # gate\n7000 8000:udp\n' }, '-', '--then', 'x');
  assert.deepEqual(deeds, ['tcp 192.0.2.7 7000', 'udp 192.0.2.7 8000', 'sleep 100', 'run x']);
  for (const text of ['', '192.0.2.7', '--then rm x', 'x'.repeat(5000)]) {
    const { deeds: none, exitCode, err } = await knock({ '-': text }, '-');
    assert.deepEqual([none, exitCode], [[], 1], text.slice(0, 20));
    assert.match(err, /^error: standard input is no host and ports/);
  }
});

test('--sequence-file is --file', async () => {
  const { deeds } = await knock({ '/s': '7 8:udp' }, '--sequence-file', '/s', '192.0.2.7');
  assert.deepEqual(deeds, ['tcp 192.0.2.7 7', 'udp 192.0.2.7 8']);
});

test('what is wrong is told with file and line, and nothing is sent', async () => {
  const host = 'host = 192.0.2.7\n';
  const cases: readonly (readonly [string, RegExp])[] = [
    ['ports = 7\n', /office: the host is missing/],
    [host, /office: the ports are missing/],
    [`${host}\nports 7\n`, /office:3: a line is key = value/],
    [`${host}port = 7\n`, /office:2: unknown key port; known: host, ports/],
    [`${host}${host}`, /office:2: host stands twice/],
    [`${host}ports =\n`, /office:2: ports has no value/],
    [`${host}ports = 7\nfamily = 5\n`, /office:3: family '5' is not 4, 6, both or any/],
    [`${host}ports = 7\nudp = maybe\n`, /office:3: udp 'maybe' is not yes or no/],
    [`${host}ports = 7\nthen = echo 'a\n`, /office:3: a quotation mark is not closed/],
    [`${host}ports = 7:tpc\n`, /'tpc' in 7:tpc is no protocol/],
    [`${host}ports = 7\ndelay = x\n`, /delay 'x' is not a number/],
    [`${host}ports = ${'7 '.repeat(20_000)}`, /office is longer than 16384 characters/],
  ];
  for (const [text, expected] of cases) {
    const { deeds, err, exitCode } = await knock({ office: text }, 'office');
    assert.match(err, expected);
    assert.deepEqual([deeds, exitCode], [[], 1], text);
  }
});

test('a name without a file, and a command line without a host', async () => {
  const absent = await knock({}, 'gate');
  assert.match(
    absent.err,
    /^error: no ports were given for gate, and there is no \S+\/knock\/gate that names them\n$/,
  );
  for (const words of [
    ['7000', '8000'],
    ['7000:udp', '8000'],
    ['-u', '7000', '8000'],
  ]) {
    const { deeds, err } = await knock({}, ...words);
    assert.match(err, /^error: 7000\S* is a port: the host is missing/);
    assert.deepEqual(deeds, []);
  }
  const path = await knock({ '../office': OFFICE }, '../office');
  assert.match(path.out, /^usage:/, 'a name is no path');
});

test('the usage fits into 80 columns', () => {
  assert.deepEqual(
    USAGE.split('\n').filter((line) => line.length > 80),
    [],
  );
});

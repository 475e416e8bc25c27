import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runWith } from './run-with.js';

test('--repeat sends the whole sequence again, over each family', async () => {
  const { deeds } = await runWith(['-r', '3', '192.0.2.1', '1', '2', '--then', 'x']);
  assert.deepEqual(
    deeds.slice(0, -2),
    ['1', '2', '1', '2', '1', '2'].map((port) => `tcp 192.0.2.1 ${port}`),
  );
  for (const times of ['0', '101', 'x', '-1', '1.5']) {
    const { err, exitCode } = await runWith([`--repeat=${times}`, '192.0.2.1', '1']);
    assert.match(err, /^error: --repeat '.*' is not a number from 1 to 100\n$/);
    assert.equal(exitCode, 1);
  }
});

test('--file takes the ports from a file or standard input, so that no list of processes shows them', async () => {
  for (const file of ['/home/a/knock', '-']) {
    const { deeds } = await runWith(['-f', file, '192.0.2.1']);
    assert.deepEqual(deeds, ['tcp 192.0.2.1 7000', 'udp 192.0.2.1 8000', 'tcp 192.0.2.1 22']);
  }
  const refused = async (...argv: readonly string[]): Promise<string> => {
    const { deeds, err, exitCode } = await runWith(argv);
    assert.deepEqual([deeds, exitCode], [[], 1]);
    return err;
  };
  assert.match(
    await refused('-f', '/absent', '192.0.2.1'),
    /^error: the ports cannot be read from \/absent: .*no such file/,
  );
  assert.match(await refused('-f', '/a', '192.0.2.1', '7'), /^error: the ports are in \/a: give no PORT/);
  assert.match((await refused('-f')) || 'usage', /needs the name of a file, or -/);
});

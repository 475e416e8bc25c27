import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { CommandError } from '../../../src/base/errors.js';
import { IpsetChannel, type ChannelStarter } from '../../../src/firewall/sets/ipset-channel.js';
import { identify } from '../../../src/system/process.js';
import { TempFolder } from '../../helpers/temp.js';

/** A stand-in for ipset: lines for a shell. `say` prompts. */
function standIn(script: string): ChannelStarter {
  const text = `say() { printf 'ipset> '; }\n${script}`;
  return () => spawn('/bin/sh', ['-c', text], { stdio: ['pipe', 'pipe', 'pipe'] });
}

const ECHO = 'say; while read -r line; do echo "did $line"; say; done';

async function failed(promise: Promise<unknown>): Promise<CommandError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CommandError, String(error));
  return error;
}

describe('the channel, with a stand-in', () => {
  it('carries lines out in their order, each acknowledged', async () => {
    const channel = new IpsetChannel(standIn(ECHO));
    const answers = await Promise.all(['one', 'two', 'three'].map(async (line) => channel.run(line)));
    assert.deepEqual(answers, ['did one\n', 'did two\n', 'did three\n']);
    await channel.close();
  });

  it('takes no line with a line break in it', async () => {
    const channel = new IpsetChannel(standIn(ECHO));
    for (const line of ['add x 1\nflush x', 'a\r', 'a\0']) {
      await assert.rejects(channel.run(line), /a command is one line/);
    }
    await channel.close();
  });

  it('an error belongs to its line, and the next one goes on', async () => {
    const script = 'say; while read -r line; do case $line in bad*) echo "no: $line" >&2;; esac; say; done';
    const channel = new IpsetChannel(standIn(script));
    const lines = ['ok 1', 'bad 1', 'ok 2', 'bad 2', 'bad 3', 'ok 3'];
    const results = await Promise.allSettled(lines.map(async (line) => channel.run(line)));
    assert.deepEqual(
      results.map((result) => result.status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'rejected', 'fulfilled'],
    );
    const error = await failed(channel.run('bad 4'));
    assert.equal(error.message, 'ipset bad 4 failed with status 1: no: bad 4');
    await channel.close();
  });

  it('an answer may come in pieces', async () => {
    const script =
      "say; while read -r line; do printf part; sleep 0.01; printf 'ip'; sleep 0.01; printf 'set> '; done";
    const channel = new IpsetChannel(standIn(script));
    assert.deepEqual([await channel.run('a'), await channel.run('b')], ['part', 'part']);
    await channel.close();
  });

  it('gives the line that the process died on to another, before those after it', async () => {
    using folder = new TempFolder();
    const pids = folder.file('pids');
    const script = `echo $$ >> ${pids}; say; while read -r line; do [ "$(wc -l < ${pids})" -lt 2 ] && exit 3; echo "did $line"; say; done`;
    const channel = new IpsetChannel(standIn(script));
    const order: string[] = [];
    const note = async (line: string): Promise<number> => order.push(await channel.run(line));
    await Promise.all(['one', 'two'].map(note));
    assert.deepEqual(order, ['did one\n', 'did two\n']);
    assert.equal(readFileSync(pids, 'utf8').trim().split('\n').length, 2);
    await channel.close();
  });

  it('reports a line that two processes died on, and starts another for the next', async () => {
    using folder = new TempFolder();
    const script = `echo $$ >> ${folder.file('pids')}; say; while read -r line; do [ "$line" = die ] && exit 3; say; done`;
    const channel = new IpsetChannel(standIn(script));
    await channel.run('fine');
    const [dying, next] = await Promise.allSettled([channel.run('die'), channel.run('fine')]);
    assert.equal(next.status, 'fulfilled');
    assert.ok(dying.status === 'rejected' && dying.reason instanceof CommandError);
    assert.match(dying.reason.message, /^ipset die .*ipset ended \(status 3\)/);
    assert.equal(readFileSync(folder.file('pids'), 'utf8').trim().split('\n').length, 3);
    await channel.close();
  });

  it('kills what hangs, and goes on', async () => {
    using folder = new TempFolder();
    const script = `echo $$ >> ${folder.file('pids')}; say; while read -r line; do [ "$line" = hang ] && exec sleep 600; say; done`;
    const channel = new IpsetChannel(standIn(script), 300);
    const error = await failed(channel.run('hang'));
    assert.match(error.message, /no answer within 300 ms; ipset ended \(SIGKILL\)/);
    assert.equal(identify(Number(readFileSync(folder.file('pids'), 'utf8').split('\n')[0])), undefined);
    assert.equal(await channel.run('fine'), '');
    await channel.close();
  });

  it('fails line by line, and does not spin, where ipset never gets ready or is missing', async () => {
    const starters: readonly ChannelStarter[] = [
      standIn('echo "no permission" >&2; exit 1'),
      standIn('exec sleep 600'),
      () => spawn('/nonexistent/ipset', [], { stdio: ['pipe', 'pipe', 'pipe'] }),
    ];
    for (const start of starters) {
      let started = 0;
      const channel = new IpsetChannel(() => {
        started += 1;
        return start();
      }, 300);
      const results = await Promise.allSettled(['a', 'b', 'c'].map(async (line) => channel.run(line)));
      assert.ok(results.every((result) => result.status === 'rejected'));
      assert.equal(started, 6); // each line twice
      await channel.close();
    }
  });

  it('close lets the lines that were given be done first, and leaves no process', async () => {
    using folder = new TempFolder();
    const script = `echo $$ >> ${folder.file('pids')}; say; while read -r line; do echo "$line" >> ${folder.file('log')}; say; done; echo end >> ${folder.file('log')}`;
    const channel = new IpsetChannel(standIn(script));
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
    const runs = Promise.all(lines.map(async (line) => channel.run(line)));
    await channel.close();
    await runs;
    assert.equal(readFileSync(folder.file('log'), 'utf8'), [...lines, 'end', ''].join('\n'));
    const pids = readFileSync(folder.file('pids'), 'utf8').trim().split('\n');
    assert.equal(pids.length, 1);
    assert.equal(identify(Number(pids[0])), undefined);
    await channel.close();
  });

  it('close kills what does not end', async () => {
    using folder = new TempFolder();
    const script = `echo $$ > ${folder.file('pid')}; say; read -r line; say; exec sleep 600`;
    const channel = new IpsetChannel(standIn(script), 200);
    await channel.run('a');
    await channel.close();
    assert.equal(identify(Number(readFileSync(folder.file('pid'), 'utf8'))), undefined);
  });

  it('that was never used has nothing to close, and starts nothing', async () => {
    using folder = new TempFolder();
    const channel = new IpsetChannel(standIn(`touch ${folder.file('started')}`));
    await channel.close();
    assert.equal(existsSync(folder.file('started')), false);
  });
});

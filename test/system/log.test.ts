import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { readIfExists } from '../../src/system/files.js';
import { openLog, type LogSettings } from '../../src/system/log.js';
import { importing, runNode } from '../helpers/node-child.js';
import { LOG_SETTINGS as SETTINGS } from '../helpers/log-settings.js';
import { TempFolder } from '../helpers/temp.js';
import { waitFor } from '../helpers/wait.js';

/** The lines of a log to which `write` wrote. */
async function lines(
  more: Partial<LogSettings>,
  write: (log: ReturnType<typeof openLog>) => void,
): Promise<string[]> {
  using folder = new TempFolder();
  const file = folder.file('log');
  const log = openLog({ ...SETTINGS, file, ...more });
  write(log);
  await log.close();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const text = readFileSync(file, 'utf8');
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

describe('the log', () => {
  it('writes knockd’s lines', async () => {
    const written = await lines({}, (log) => {
      log.info('192.0.2.1: openSSH: Stage 1');
      log.warn('careful', { field: 1 });
      log.error('bad');
      log.debug('not shown');
    });
    const stamp = '\\[\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}\\] ';
    const expected = ['192\\.0\\.2\\.1: openSSH: Stage 1', 'warn: careful', 'error: bad'];
    assert.equal(written.length, 3);
    expected.forEach((text, index) => {
      assert.match(written[index] ?? '', new RegExp(`^${stamp}${text}$`));
    });
  });

  it('keeps to its level', async () => {
    const write = (log: ReturnType<typeof openLog>): void => {
      for (const level of ['error', 'warn', 'info', 'debug'] as const) log[level](level);
    };
    const counts = ['error', 'warn', 'info', 'debug'] as const;
    for (const [index, level] of counts.entries()) {
      assert.equal((await lines({ level }, write)).length, index + 1);
    }
  });

  it('makes one line of a message, whatever it holds', async () => {
    const hostile = 'a\nb\r\u001b[2Jc\u0000d\te\u007f';
    const [text, ...more] = await lines({}, (log) => {
      log.info(hostile);
    });
    assert.deepEqual(more, []);
    assert.match(text ?? '', /\] a \| b\?\?\[2Jc\?d\?e\?$/);
    const json = await lines({ json: true }, (log) => {
      log.info(hostile, { field: hostile });
    });
    assert.equal(json.length, 1);
    assert.equal(readJson(json[0]).message, hostile);
  });

  it('writes JSON with fields and an ISO time', async () => {
    const [line] = await lines({ json: true }, (log) => {
      log.warn('knock', { door: 'openSSH', message: 'not the message', level: 'not the level' });
    });
    const entry = readJson(line);
    assert.equal(entry.message, 'knock');
    assert.equal(entry.level, 'warn');
    assert.deepEqual(entry.fields, { door: 'openSSH', message: 'not the message', level: 'not the level' });
    assert.match(entry.timestamp ?? '', /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/);
  });

  it('appends to what is there', async () => {
    using folder = new TempFolder();
    const file = folder.file('log');
    for (const text of ['one', 'two']) {
      const log = openLog({ ...SETTINGS, file });
      log.info(text);
      await log.close();
    }
    assert.match(readFileSync(file, 'utf8'), /one\n.*two\n$/);
  });

  it('is bounded where it is asked to be', async () => {
    using folder = new TempFolder();
    const log = openLog({ ...SETTINGS, file: folder.file('log'), maxFileBytes: 10_000 });
    for (let index = 0; index < 2000; index += 1) log.info(`line ${index} ${'x'.repeat(80)}`);
    await log.close();
    const sizes = readdirSync(folder.path).map((name) => statSync(folder.file(name)).size);
    assert.ok(sizes.length <= 2, `${sizes.length} files`);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 2 * 10_200, String(sizes));
  });

  it('is closed, and goes on until then, although it has rotated in a burst', async () => {
    using folder = new TempFolder();
    const file = folder.file('log');
    const log = openLog({ ...SETTINGS, file, maxFileBytes: 50_000 });
    for (let burst = 0; burst < 5; burst += 1) {
      for (let index = 0; index < 500; index += 1) log.info('x'.repeat(100));
      await setImmediate();
    }
    log.info('the last');
    const last = (): string => readIfExists(file) ?? '';
    await waitFor(() => last().includes('the last'), 'the last line');
    await log.close();
  });

  it('follows a file that logrotate has renamed', async () => {
    using folder = new TempFolder();
    const file = folder.file('log');
    const log = openLog({ ...SETTINGS, file });
    log.info('one');
    await waitFor(() => (readIfExists(file) ?? '').includes('one'), 'the first line');
    renameSync(file, `${file}.old`);
    log.info('two');
    await log.close();
    assert.match(readFileSync(`${file}.old`, 'utf8'), /one\n$/);
    assert.match(readFileSync(file, 'utf8'), /^[^\n]*two\n$/);
  });

  it('that is reopened tells a fault once more, and then writes', async () => {
    using folder = new TempFolder();
    const code = `${importing('openLog', 'system/log.js')}
      import { mkdirSync } from 'node:fs';
      let told = () => {};
      const tell = (text) => { setImmediate(told); process.stderr.write(text); };
      const log = openLog(${JSON.stringify({ ...SETTINGS, file: folder.file('later/log') })}, tell);
      for (const text of ['one', 'two']) {
        const said = new Promise((resolve) => { told = resolve; });
        log.info(text);
        log.info(text);
        await said;
        log.reopen();
      }
      mkdirSync('${folder.file('later')}');
      log.info('three');
      await log.close();`;
    const done = await runNode(code);
    assert.match(done.stderr, /^(knockctl: the log cannot be written: there is no such file[^\n]*\n){2}$/);
    assert.match(readFileSync(folder.file('later/log'), 'utf8'), /^[^\n]*three\n$/);
  });
});

interface Entry {
  readonly message?: string;
  readonly level?: string;
  readonly timestamp?: string;
  readonly fields?: unknown;
}

function readJson(line: string | undefined): Entry {
  const parsed: unknown = JSON.parse(line ?? '');
  assert.ok(typeof parsed === 'object' && parsed !== null);
  return parsed;
}

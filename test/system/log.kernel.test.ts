/** The log where there is no space, or where another logger(1) stands: in mount namespaces, which need root. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { importing, inMountNamespace, runNode } from '../helpers/node-child.js';
import { LOG_SETTINGS as SETTINGS } from '../helpers/log-settings.js';
import { TempFolder } from '../helpers/temp.js';

describe('the log, by what the host is', () => {
  it('writes again once there is space, and no line into another', async () => {
    using folder = new TempFolder();
    const code = `${importing('openLog', 'system/log.js')}
      import { readFileSync, rmSync, writeFileSync } from 'node:fs';
      const [file, filler] = ['${folder.file('log')}', '${folder.file('filler')}'];
      let resolve;
      const told = new Promise((done) => { resolve = done; });
      const tell = (text) => { setImmediate(resolve); process.stderr.write(text); };
      const log = openLog(${JSON.stringify({ ...SETTINGS, file: folder.file('log') })}, tell);
      try { writeFileSync(filler, 'x'.repeat(12_000)); } catch {}
      for (let index = 0; index < 100; index++) log.info('full ' + 'x'.repeat(100));
      await told;
      rmSync(filler);
      log.info('space again');
      await log.close();
      console.log(readFileSync(file, 'utf8'));`;
    const done = await runNode(code, inMountNamespace(`mount -t tmpfs -o size=16k none ${folder.path}`));
    assert.match(done.stdout, /^\[[\d :-]+\] space again$/m);
    assert.match(done.stderr, /^knockctl: the log cannot be written: no space[^\n]*\n$/);
    const whole = done.stdout.split('\n').filter((line) => /^\[[\d :-]+\] full x{100}$/.test(line));
    assert.ok(whole.length > 5 && whole.length < 100, `${whole.length} lines before the disk was full`);
  });

  it('that cannot be written says so once, and stops nothing', async () => {
    using folder = new TempFolder();
    const code = `${importing('openLog', 'system/log.js')}
      const log = openLog(${JSON.stringify({ ...SETTINGS, file: folder.file('log') })});
      for (let index = 0; index < 5000; index++) log.info('x'.repeat(100));
      await log.close();
      console.log('went on');`;
    const done = await runNode(code, inMountNamespace(`mount -t tmpfs -o size=16k none ${folder.path}`));
    assert.equal(done.stdout, 'went on\n');
    assert.equal(done.exitCode, 0);
    assert.match(done.stderr, /^knockctl: the log cannot be written: no space[^\n]*\n$/);
  });

  it('hands syslog one line a message, with its priority', async () => {
    using folder = new TempFolder();
    // A stand-in for logger(1), in the first of the folders that tools are looked for in.
    mkdirSync(folder.file('bin'));
    const script = `#!/bin/sh\necho "$@" > ${folder.file('argv')}\ncat > ${folder.file('input')}\n`;
    writeFileSync(folder.file('bin/logger'), script, { mode: 0o755 });
    const code = `${importing('openLog', 'system/log.js')}
      const log = openLog(${JSON.stringify({ ...SETTINGS, level: 'debug', syslog: true, json: true })});
      log.error('one\\n<0>two'); log.warn('three'); log.info('four'); log.debug('five');
      await log.close(); console.log(process.pid);`;
    const done = await runNode(code, inMountNamespace(`mount --bind ${folder.file('bin')} /usr/local/sbin`));
    assert.equal(done.stderr, '');
    const argv = `--tag knockctl --id=${done.stdout.trim()} --prio-prefix --priority daemon.info\n`;
    assert.equal(readFileSync(folder.file('argv'), 'utf8'), argv);
    assert.equal(
      readFileSync(folder.file('input'), 'utf8'),
      '<27>one | <0>two\n<28>three\n<30>four\n<31>five\n',
    );
  });

  it('goes on where logger(1) dies or is missing', async () => {
    using folder = new TempFolder();
    mkdirSync(folder.file('bin'));
    writeFileSync(folder.file('bin/logger'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const code = `${importing('openLog', 'system/log.js')}
      const log = openLog(${JSON.stringify({ ...SETTINGS, syslog: true })});
      for (let round = 0; round < 3; round++) {
        for (let index = 0; index < 100; index++) log.info('x'.repeat(2000));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await log.close(); console.log('went on');`;
    const bind = `mount --bind ${folder.file('bin')} /usr/local/sbin`;
    assert.equal((await runNode(code, inMountNamespace(bind))).stdout, 'went on\n');
  });
});

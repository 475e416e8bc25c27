/** `knockctl doctor` in a network namespace, with the faults really there. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { findUser, OWN_USER } from '../../src/system/privileges.js';
import { linkOf } from '../../src/system/processes.js';
import { KernelSpace } from '../helpers/kernel-space.js';
import { KNOCKCTL } from '../helpers/product.js';
import { waitFor } from '../helpers/wait.js';
import type { Finding } from '../../src/wire/reports.js';
import { CASES } from './cases.js';
import { ask, host, SSH } from './host.js';
import { MORE_CASES } from './more-cases.js';

/** What a sound host says where nothing runs yet; who starts it there is the machine's own affair. */
const EXPECTED: readonly (readonly [levels: readonly Finding['level'][], text: RegExp])[] = [
  [['good'], /^the capture hears, after \d+ ms$/],
  [['warning'], /^knockctl is not running$/],
  [['warning'], /^user in \[listener\]: there is no user _knockctl/], // a machine that tests run on has none of ours
  [['warning', 'good'], /^(?:nothing starts knockctl|started) at a boot/],
  [['warning', 'good'], /^(?:nothing starts knockctl|started) again/],
  [['note'], /^knock ports answer like any port at which nobody listens/],
];

describe('knockctl doctor', { concurrency: 2 }, () => {
  it('finds nothing wrong with a sound host', async () => {
    await using space = new KernelSpace();
    const { code, findings } = await host(space, { conf: SSH });
    const rest = findings.filter(
      ({ level, text }) => !EXPECTED.some(([levels, is]) => levels.includes(level) && is.test(text)),
    );
    assert.deepEqual(rest, []);
    const missing = findUser(OWN_USER) === undefined ? 0 : 1;
    assert.equal(findings.length, EXPECTED.length - missing);
    assert.equal(code, 0);
  });

  for (const { what, host: setting, level, text, fix } of [...CASES, ...MORE_CASES]) {
    it(`tells ${what}, and how to fix it`, async () => {
      await using space = new KernelSpace();
      const { code, findings } = await host(space, setting);
      const found = findings.find((finding) => text.test(finding.text));
      assert.ok(found !== undefined, JSON.stringify(findings, undefined, 1));
      assert.equal(found.level, level);
      assert.match(found.fix ?? '', fix);
      assert.equal(code, findings.some((finding) => finding.level === 'danger') ? 1 : 0);
    });
  }

  it('tells to begin with init, before there is any file', async () => {
    await using space = new KernelSpace();
    await space.must('ip link set lo up');
    const { code, findings } = await ask(space);
    assert.equal(code, 1);
    assert.match(findings[0]?.text ?? '', /knockctl\.conf: there is no such file$/);
    assert.equal(findings[0]?.fix, 'knockctl init');
  });

  it('another knockd counts where it hears the same packets, and not in another namespace', async () => {
    await using space = new KernelSpace();
    const program = `${space.dir}/knockd`;
    copyFileSync('/bin/sleep', program);
    const knockds = async (prefix: readonly string[]): Promise<Finding[]> => {
      const child = spawn('/usr/bin/env', [...prefix, program, '60'], { stdio: 'ignore' });
      try {
        await once(child, 'spawn');
        await waitFor(() => linkOf(child.pid ?? 0, 'exe') === program, 'it to run');
        const { findings } = await host(space, { conf: SSH });
        return findings.filter(({ text }) =>
          text.includes(`another knockd is running (pid ${child.pid ?? 0})`),
        );
      } finally {
        child.kill('SIGKILL');
      }
    };
    assert.deepEqual(await knockds([]), []);
    const [found] = await knockds(space.inside);
    assert.equal(found?.level, 'warning');
  });

  it('tells people as well', async () => {
    await using space = new KernelSpace();
    await host(space, { conf: '[service.ssh]\n' });
    const argv = [process.execPath, KNOCKCTL, '-c', `${space.dir}/knockctl.conf`, 'doctor'];
    const { stdout } = await space.exec(argv);
    assert.match(
      stdout,
      /^note +service ssh has doors in the kernel.*\n +so: .*\n +fix: on_failure = hold in \[service\.ssh\]$/m,
    );
    assert.match(stdout, /\nnothing found that would make the protection void, or lock anybody out\n$/);
  });
});

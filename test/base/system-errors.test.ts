import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { describe, it } from 'node:test';

import { errorText } from '../../src/base/errors.js';

function thrownBy(job: () => unknown): unknown {
  try {
    job();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('errors of the system', () => {
  it('are told in words, without codes', async () => {
    assert.equal(errorText(thrownBy(() => readFileSync('/nope'))), 'there is no such file or folder');
    assert.equal(errorText(thrownBy(() => readFileSync('/'))), 'it is a folder');
    assert.equal(
      errorText(thrownBy(() => readFileSync('/etc/passwd/x'))),
      'part of the path is not a folder',
    );
    assert.equal(
      errorText(
        thrownBy(() => {
          writeFileSync('/proc/version', 'x');
        }),
      ),
      'the disk or device fails',
    );
    const host = await lookup('nope.invalid').catch((error: unknown) => error);
    assert.match(errorText(host), /^(there is no such host name|the name server does not answer)$/);
    const spawned = await new Promise((resolve) => execFile('nosuch-program', resolve));
    assert.equal(errorText(spawned), 'there is no program nosuch-program');
  });

  it('of an unknown code keep their own words, without file and code', () => {
    const odd = Object.assign(new Error("EODD: something odd, open '/x'"), { code: 'EODD', syscall: 'open' });
    assert.equal(errorText(odd), 'something odd');
  });

  it('are not seen in others', () => {
    assert.equal(errorText(Object.assign(new Error('ENOENT'), { code: 'ENOENT' })), 'ENOENT');
  });
});

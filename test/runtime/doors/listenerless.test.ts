import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { loadConfig } from '../../../src/config/load.js';
import { listenerless } from '../../../src/runtime/doors/kernel-recognition.js';

const OPEN = '[open]\nsequence = 1,2\ncommand = knockctl accept %IP%\n';
const SERVICES = '[service.ssh]\n[service.web]\nports = 80\n';

function needNone(doors: string, conf = SERVICES): string[] {
  const files: Readonly<Record<string, string>> = {
    '/c': `[paths]\ndoors = /d\n${conf}`,
    '/d': doors,
    '/once': '5,6\n',
  };
  return [...listenerless(loadConfig({ file: '/c' }, (path) => files[path]))];
}

describe('services that need no listener', () => {
  it('have a door in the kernel, and no other way in', () => {
    assert.deepEqual(needNone(OPEN), ['ssh']);
    assert.deepEqual(needNone(`${OPEN}[w]\nsequence = 3,4\ncommand = knockctl accept %IP% --service web\n`), [
      'ssh',
      'web',
    ]);
  });

  it('are none without a door: nobody can get in, and on_failure is what remains', () => {
    assert.deepEqual(needNone('[x]\nsequence = 1,2\ncommand = knockctl drop %IP%\n'), []);
    assert.deepEqual(needNone(''), []);
  });

  it('are none where a line for the shell, or a door that is not in the kernel, could let somebody in', () => {
    assert.deepEqual(needNone(`${OPEN}[s]\nsequence = 5,6\ncommand = /usr/local/bin/let-in %IP%\n`), []);
    assert.deepEqual(needNone(`${OPEN}[t]\nsequence = 5,6\ncommand = knockctl trust %IP%\n`), []);
    assert.deepEqual(
      needNone(`${OPEN}[o]\none_time_sequences = /once\ncommand = knockctl accept %IP%\n`),
      [],
    );
    assert.deepEqual(needNone(OPEN, '[service.ssh]\nkernel_doors = no\n'), []);
  });

  it('need the kernel in each family in which knocks are heard', () => {
    const v4 = OPEN.replace('sequence', 'target = 192.0.2.1\nsequence');
    assert.deepEqual(needNone(v4), []);
    assert.deepEqual(needNone(v4, `${SERVICES}[firewall]\nfamilies = ipv4\n`), ['ssh']);
  });
});

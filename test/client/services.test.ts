import assert from 'node:assert/strict';
import { test } from 'node:test';

import { servicePort } from '../../src/client/services.js';

const TEXT = `# comment ssh 1/tcp
ssh\t\t22/tcp\t\t\t# SSH Remote Login Protocol
http\t80/tcp\twww\t# WorldWideWeb
ntp 123/udp
shell 514/tcp cmd syslog
syslog 514/udp
both 1000/udp
both 1001/tcp
broken
words abc/tcp
`;

test('names and aliases give the port of their protocol', () => {
  assert.equal(servicePort(TEXT, 'ssh', 'tcp'), 22);
  assert.equal(servicePort(TEXT, 'www', 'tcp'), 80);
  assert.equal(servicePort(TEXT, 'both', 'tcp'), 1001);
  assert.equal(servicePort(TEXT, 'both', 'udp'), 1000);
  assert.equal(servicePort(TEXT, 'syslog', 'tcp'), 514);
});

test('a name of the other protocol only gives that port', () => {
  assert.equal(servicePort(TEXT, 'ntp', 'tcp'), 123);
  assert.equal(servicePort(TEXT, 'http', 'udp'), 80);
});

test('comments, broken lines and other words are no services', () => {
  for (const name of ['SSH', 'comment', 'Login', '#', '', 'broken', 'words', '22/tcp', 'toString']) {
    assert.equal(servicePort(TEXT, name, 'tcp'), undefined, name);
  }
});

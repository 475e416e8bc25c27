/** Which port init proposes where nobody is logged in by SSH. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { createLab, type Lab } from '../../../helpers/lab.js';
import { KNOCKCTL } from '../../../helpers/product.js';

/** Listens under the name of a program, and greets whoever comes. */
const SERVER = `
import ctypes, socket, sys
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
sockets = []
for port in sys.argv[3:]:
    s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(('::', int(port))); s.listen(8); sockets.append(s)
print('ready', flush=True)
import select
while True:
    for s in select.select(sockets, [], [])[0]:
        c, _ = s.accept(); c.sendall(sys.argv[2].encode() + b'\\r\\n'); c.close()
`;

async function serve(lab: Lab, name: string, greeting: string, ...ports: readonly number[]): Promise<void> {
  const words = ['/usr/bin/python3', '-uc', SERVER, name, greeting, ...ports.map(String)];
  await lab.spawn('server', words).until('ready\n');
}

async function proposed(lab: Lab): Promise<string> {
  const conf = `${lab.dir}/knockctl.conf`;
  const done = await lab.exec('server', [process.execPath, KNOCKCTL, '-c', conf, 'init', '--yes', '--force']);
  assert.equal(done.exitCode, 0, done.stderr);
  return /^ports += (.*)$/m.exec(readFileSync(conf, 'utf8'))?.[1] ?? '';
}

describe('the port that init proposes', () => {
  test('that of sshd, or of a socket that systemd holds for it; 22 if nobody is found', async () => {
    await using lab = await createLab({ backend: 'nft' });
    assert.equal(await proposed(lab), '22');
    await serve(lab, 'systemd', 'HELLO', 1111);
    await serve(lab, 'nginx', 'SSH-2.0-no', 1222);
    assert.equal(await proposed(lab), '22', 'a socket of systemd for something else, and somebody else');
    await serve(lab, 'systemd', 'SSH-2.0-OpenSSH_9.9', 2222);
    assert.equal(await proposed(lab), '2222');
    assert.match(readFileSync(`${lab.dir}/knockctl.conf`, 'utf8'), /^\[service\.ssh\]$/m);
    await serve(lab, 'sshd', 'SSH-2.0-OpenSSH_9.9', 2022);
    assert.equal(await proposed(lab), '2022');
    await serve(lab, 'sshd', 'SSH-2.0-OpenSSH_9.9', 22);
    assert.equal(await proposed(lab), '22');
  });
});

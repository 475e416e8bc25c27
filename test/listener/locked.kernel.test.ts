/** A listener that was taken over cannot take the filter off its socket: it would sniff the host. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { KernelSpace } from '../helpers/kernel-space.js';

const CAPTURE = fileURLToPath(new URL('../../src/listener/capture.js', import.meta.url));
/** Opens captures as root, gives root up, and has another program try the sockets that it inherits. */
const TAKEN_OVER = `
const { openCapture } = await import(process.argv[1]);
const { spawnSync } = await import('node:child_process');
const { readdirSync, readlinkSync } = await import('node:fs');
const manner = { capacity: 64, pollMs: 20, onError: () => undefined };
for (const name of ['any', 'lo']) openCapture(name, () => 'udp dst port 9', () => undefined, manner);
const sockets = readdirSync('/proc/self/fd').filter((fd) => {
  try { return readlinkSync('/proc/self/fd/' + fd).startsWith('socket:'); } catch { return false; }
});
process.setgroups([]); process.setgid(65534); process.setuid(65534);
const tried = spawnSync('/usr/bin/python3', ['-c', process.argv[2], String(sockets.length)], {
  stdio: ['ignore', 'inherit', 'inherit', ...sockets.map(Number)],
});
process.exit(tried.status);
`;
const TRY = `
import ctypes, errno, os, socket, struct, sys
assert os.getuid() == 65534
tried = 0
for fd in range(3, 3 + int(sys.argv[1])):
    s = socket.socket(fileno=os.dup(fd))
    if s.family != socket.AF_PACKET: continue
    tried += 1
    all = ctypes.create_string_buffer(struct.pack('HBBI', 0x06, 0, 0, 0xffff))
    for option, value in ((26, struct.pack('HxxxxxxP', 1, ctypes.addressof(all))), (27, struct.pack('i', 0)), (44, struct.pack('i', 0))):
        try:
            s.setsockopt(socket.SOL_SOCKET, option, value)
            print('allowed', option)
        except OSError as error: print(errno.errorcode[error.errno])
print(tried, 'sockets')
`;

// Red without SO_LOCK_FILTER: each option is allowed.
test('the filters of open captures can be neither replaced, nor taken off, nor unlocked', async () => {
  await using space = new KernelSpace();
  await space.must('ip link set lo up');
  const [program = '', ...words] = space.inside;
  const { spawnSync } = await import('node:child_process');
  const argv = [...words, process.execPath, '--input-type=module', '-e', TAKEN_OVER, CAPTURE, TRY];
  const done = spawnSync(program, argv, { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  assert.equal(done.stdout, `${'EPERM\n'.repeat(6)}2 sockets\n`);
});

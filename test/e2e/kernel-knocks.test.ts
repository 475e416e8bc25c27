/** Doors in the kernel beside the listener: what is told of a knock, and where. */
import assert from 'node:assert/strict';

import { DOORS, inTurn, OPEN } from './setting.js';

inTurn(
  'both engines see a knock, and it is told once; status says where a door is recognised',
  { doors: `${DOORS}\n[shell]\nsequence = 5000,5001\ntcpflags = syn\ncommand = /bin/true %IP%\n` },
  async ({ product, client, gets, knock }) => {
    await product.start();
    await knock('client', OPEN);
    assert.equal(await gets('client'), true);
    await product.waitForLog(/accepted at ssh/);
    await knock('client', [5000, 5001]);
    await product.waitForLog(/shell: running command/);
    const sesame = product.log().filter((line) => line.includes('OPEN SESAME'));
    assert.deepEqual(sesame, [`${client}: open: OPEN SESAME`, `${client}: shell: OPEN SESAME`]);
    const { doors } = await product.status();
    assert.deepEqual(
      doors.map(({ name, kernel, reasons, knocks }) => [name, kernel, reasons, knocks]),
      [
        ['open', [4, 6], [], 1],
        ['decoy', [4, 6], [], 0],
        ['shell', [], ['its command is a line for the shell'], 0],
      ],
    );
    const status = await product.must('status');
    assert.match(
      status,
      /open: 7000:tcp,8000:tcp,9000:tcp\n +in the kernel \(IPv4, IPv6\): 1 knock so far\n/,
    );
    assert.match(
      status,
      /shell: 5000:tcp,5001:tcp\n +by the listener: its command is a line for the shell\n/,
    );
    const check = await product.must('check');
    assert.match(check, /door open: .*\n +recognised in the kernel too, for IPv4 and IPv6\n/);
    assert.match(
      check,
      /door shell: .*\n +recognised by the listener: its command is a line for the shell\n/,
    );
    assert.deepEqual(
      (await product.list('filter')).map(({ address, by }) => [address, by]),
      [[client, 'door open']],
    );
  },
);

inTurn(
  'each knock is told once, whoever was there to hear it',
  {},
  async ({ lab, product, client, knock }) => {
    await product.start();
    const told = (): string[] => product.log().filter((line) => line.includes('the kernel carried out'));
    await knock('client', OPEN);
    await product.waitForLog(/OPEN SESAME/);
    await product.must('restart');
    await lab.exec('server', ['/bin/rm', '-rf', product.paths.run]);
    await product.waitForLog(/was deleted while we ran: made anew/);
    await product.must('restart');
    assert.deepEqual(told(), []);

    const listener = product.identity('listener');
    assert.ok(listener !== undefined);
    process.kill(listener.pid, 'SIGSTOP');
    await knock('client', OPEN);
    await product.waitForLog(/^open: the kernel carried out 1 knock that the listener may not have heard$/);
    await lab.waitFor(async () => (await product.status()).state === 'armed', 'another listener');
    assert.equal(told().length, 1);
    assert.deepEqual(await product.addresses('filter'), [client]);
  },
);

inTurn(
  'a name like that of the sentinel does not show it',
  { doors: DOORS.replace('[open]', '[the nomatch door]') },
  async ({ product, client, knock }) => {
    await product.start();
    await knock('client', OPEN);
    await product.waitForLog(/accepted at ssh/);
    const listed = await product.list();
    assert.deepEqual(
      listed.map(({ address, by }) => [address, by]),
      [[client, 'door the nomatch door']],
    );
    assert.equal((await product.status()).services[0]?.entries.filter, 1);
  },
);

/** The commands of docs/neighbours.md, "Two back ends", as they stand there, in a namespace with rules in both. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { KernelSpace } from '../helpers/kernel-space.js';
import { waitFor } from '../helpers/wait.js';

const PAGE = new URL('../../../docs/neighbours.md', import.meta.url);

/** The block of the section; its copies go to a folder of the test. */
function commands(folder: string): string {
  const [, section = ''] = readFileSync(PAGE, 'utf8').split('## Two back ends\n');
  const block = /^```sh\n([\s\S]*?)^```$/m.exec(section)?.[1];
  assert.ok(block !== undefined, 'the commands are there');
  assert.match(block, /\/root\//);
  return block.replaceAll('/root/', `${folder}/`);
}

const LISTEN = `require('net').createServer((socket) => socket.end()).listen(22, '::', () => console.log('up'))`;
/** Asks port 22 again and again; says `open` once it is, and at the end how often it was shut after that. */
const ASK = `
let shut = 0, asked = 0, done = false;
process.on('SIGTERM', () => { done = true; });
const ask = () => new Promise((tell) => {
  const socket = require('net').connect({ port: 22, host: asked++ % 2 ? '::1' : '127.0.0.1', timeout: 300 });
  socket.on('connect', () => { socket.destroy(); tell(true); });
  for (const what of ['timeout', 'error']) socket.on(what, () => { socket.destroy(); tell(false); });
});
(async () => {
  while (!(await ask())) await new Promise((go) => setTimeout(go, 20));
  console.log('open');
  while (!done) { if (!(await ask())) shut++; await new Promise((go) => setTimeout(go, 2)); }
  console.log(JSON.stringify({ asked, shut }));
})();`;

describe('two back ends', () => {
  it('their rules come together in nft, and the port is open all the time', async () => {
    await using space = new KernelSpace();
    const { dir } = space;
    await space.must('ip link set lo up');
    for (const tables of ['iptables', 'ip6tables']) {
      for (const rule of [
        'legacy -P INPUT DROP',
        'legacy -A INPUT -p tcp --dport 22 -j ACCEPT',
        'legacy -A INPUT -p tcp --sport 22 -j ACCEPT',
        'legacy -N mine',
        'legacy -A INPUT -j mine',
        'legacy -A mine -p udp -j REJECT',
        'legacy -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080',
        'nft -A INPUT -p tcp --dport 25 -j DROP',
      ]) {
        await space.must(`${tables}-${rule}`);
      }
    }
    const start = (code: string): ReturnType<typeof spawn> => {
      const [nsenter = '', ...words] = space.inside;
      return spawn(nsenter, [...words, process.execPath, '-e', code], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    };
    const server = start(LISTEN);
    const asker = start(ASK);
    try {
      let said = '';
      asker.stdout?.on('data', (text: Buffer) => (said += text.toString()));
      await waitFor(() => said.includes('open'), 'the port to be open before');
      const done = await space.exec(['/bin/bash', '-c', commands(dir)]);
      assert.deepEqual([done.exitCode, done.stdout], [0, ''], done.stderr);
      asker.kill('SIGTERM');
      await once(asker, 'exit');
      const { asked, shut } = JSON.parse(said.split('\n')[1] ?? '') as { asked: number; shut: number };
      assert.ok(asked > 10, `asked ${asked} times`);
      assert.equal(shut, 0, `shut ${shut} of ${asked} times`);
    } finally {
      server.kill('SIGKILL');
      asker.kill('SIGKILL');
    }
    for (const family of [4, 6] as const) {
      const legacy = await space.save('legacy', family);
      assert.doesNotMatch(legacy, /^-A|DROP|^:\S+ - /m);
      const nft = await space.save('nft', family);
      assert.match(nft, /^:INPUT DROP/m);
      assert.match(nft, /^:mine - /m);
      assert.match(
        nft,
        /^-A INPUT -p tcp -m tcp --dport 25 -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT$/m,
      );
      assert.match(nft, /^-A PREROUTING .*--dport 80 -j REDIRECT --to-ports 8080$/m);
    }
  });

  it('a chain of the same name in both is told before', async () => {
    await using space = new KernelSpace();
    for (const name of ['iptables-legacy', 'iptables-nft']) await space.must(`${name} -N twice`);
    const [check = ''] = commands(space.dir).split('# 2.');
    assert.match((await space.exec(['/bin/bash', '-c', check])).stdout, /^:twice - \[0:0\]\n$/);
  });
});

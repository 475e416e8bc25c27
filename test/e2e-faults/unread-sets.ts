/**
 * Sets that ipset does not tell: it fails, hangs, or is cut short. Nothing is concluded from that: no set is made anew, nobody who is in is
 * thrown out, and status says how it is.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ADDRESS, type Lab } from '../helpers/lab.js';
import type { Product } from '../helpers/product.js';
import { waitFor } from '../helpers/wait.js';
import { replaced } from './replaced.js';
import { getsIn, stage } from './setting.js';

const IPSET = '/usr/sbin/ipset';
/** With `-` it reads lines, and acknowledges each by a prompt; with other words it is one command. */
const FAKES = {
  fails: '#!/bin/sh\necho "ipset v7.17: Kernel error received: Out of memory" >&2\nexit 1\n',
  hangs: '#!/bin/sh\nexec sleep 600\n',
  'is cut short': `#!/bin/bash
case "$*" in
  *" -") printf 'ipset> '
     while IFS= read -r line; do
       case $line in list*) @REAL@ $line | head -n 5 ;; *) @REAL@ -exist $line ;; esac
       printf 'ipset> '
     done ;;
  list*|save*) @REAL@ "$@" | head -n 3 ;;
  *) exec @REAL@ "$@" ;;
esac
`,
} as const;

/** The process that reads lines; another one is started when it is gone. */
async function endChannel(lab: Lab, product: Product): Promise<void> {
  const pid = String(product.identity('supervisor')?.pid);
  const { stdout } = await lab.exec('server', ['/bin/ps', '-o', 'pid=,args=', '--ppid', pid]);
  const line = stdout.split('\n').find((one) => / -$|sleep 600/.test(one));
  const channel = /^\s*(\d+)/.exec(line ?? '')?.[1];
  if (channel !== undefined) process.kill(Number(channel), 'SIGKILL');
}

async function entries(lab: Lab, set: string): Promise<string> {
  return (await lab.exec('server', [IPSET, 'save', set])).stdout;
}

/** Declares them. */
export function unreadSets(kinds: readonly (keyof typeof FAKES)[]): void {
  describe('ipset, as the supervisor has it', { concurrency: 3 }, () => {
    for (const what of kinds) {
      it(what, async () => {
        await using at = await stage('nft');
        const { lab, product } = at;
        await product.start();
        await product.must('accept', ADDRESS.client[4], '--timeout', '3600');
        const before = await entries(lab, 'ssh_granted4');
        assert.match(before, /add /);
        const restore = await replaced(lab, product, IPSET, FAKES[what]);
        await endChannel(lab, product);
        const isTold = async (): Promise<boolean> => (await product.ctl(['status'])).exitCode === 150;
        await waitFor(isTold, 'status to say that the sets are not read');
        const { services, state } = await product.status();
        assert.ok(state !== 'armed' || services[0]?.setsUnread !== undefined, state);
        await restore();
        await endChannel(lab, product);
        await product.waitForState('armed');
        assert.equal(await getsIn(lab, 'client'), true, 'who was in still is');
        assert.equal(await getsIn(lab, 'client2'), false);
        const initval = (save: string): string | undefined => /initval (\S+)/.exec(save)?.[1];
        assert.equal(initval(await entries(lab, 'ssh_granted4')), initval(before), 'the set is the same one');
        const stopped = await product.ctl(['stop'], { timeoutMs: 100_000 });
        assert.equal(stopped.exitCode, 0, stopped.stderr);
        assert.equal((await lab.exec('server', [IPSET, 'list', '-n'])).stdout.trim(), '');
      });
    }
  });
}

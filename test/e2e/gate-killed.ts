import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { isAlive } from '../../src/system/process.js';
import { KNOCKCTL } from '../helpers/product.js';
import { type Declare, OPEN } from './setting.js';

/** Starts and stops with a strict gate that are killed so many milliseconds after they have begun. */
export function killedHalfWay(declare: Declare, times: readonly number[]): void {
  declare(
    'a start and a stop that are killed half-way leave nothing shut for good',
    { service: 'gate = strict' },
    async ({ lab, product, family, gets, knock, opens }) => {
      const lives = (): boolean => {
        const identity = product.identity('supervisor');
        return identity !== undefined && isAlive(identity);
      };
      const kill = async (verb: string, afterMs: number): Promise<void> => {
        const argv = [process.execPath, KNOCKCTL, '-c', product.paths.conf, verb];
        const child = lab.spawn('server', verb === 'stop' ? argv : [...argv.slice(0, -1), 'run']);
        await sleep(afterMs);
        if (verb === 'stop' && lives()) await product.kill('supervisor').catch(() => undefined);
        await child.kill();
      };
      for (const ms of times) {
        await kill('start', ms);
        const rules = await lab.iptables('server', family, ['-t', 'mangle', '-S']);
        if (rules.includes('-j ssh_gate'))
          assert.match(rules, /ssh_gate -j DROP/, 'a jump leads to a whole gate');
        const again = await product.ctl(['restartifdead']);
        assert.equal(again.exitCode, 0, again.stderr);
        // Of a start that has put nothing in there is nothing to be brought back; its pid file may have stayed.
        if (!lives()) {
          assert.doesNotMatch(rules, /-j ssh_gate/, 'what packets meet has a supervisor again');
          await product.start();
        }
        await product.waitForState('armed');
        assert.equal(await gets('client'), false);
        await knock('client', OPEN);
        await opens('client');
        await product.must('flush', 'all');
        await kill('stop', ms);
        await product.must('stop');
        assert.equal(await gets('client'), true);
        assert.doesNotMatch(await lab.save('server', family), /ssh_|knock/);
      }
    },
  );
}

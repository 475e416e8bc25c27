import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';

import { captureFilter } from '../../src/knock/filter.js';
import { door, SYN, SYN_ONLY } from './support.js';

const NAMESPACE = `kc-${process.pid}-filter`;

/** What tcpdump says until it listens with the filter in place. */
async function listen(filter: string): Promise<string[]> {
  const words = ['netns', 'exec', NAMESPACE, 'tcpdump', '-p', '-i', 'lo', filter];
  const child = spawn('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = new Promise((resolve) => child.on('close', resolve));
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (line.startsWith('listening on ')) break;
  }
  child.kill();
  await closed;
  return said;
}

describe('the capture filter in the kernel', () => {
  before(() => {
    execFileSync('ip', ['netns', 'add', NAMESPACE]);
    execFileSync('ip', ['-n', NAMESPACE, 'link', 'set', 'lo', 'up']);
  });
  after(() => {
    execFileSync('ip', ['netns', 'del', NAMESPACE]);
  });

  it('is taken at its largest, so that libpcap need not filter in user space', async () => {
    // 320 scattered ports: more than the bound on ranges.
    const doors = Array.from({ length: 10 }, (_, index) => {
      const ports = Array.from({ length: 32 }, (__, step) => 1 + (((index * 32 + step) * 40_503) % 65_535));
      const items = ports.map((port) => `${port}${port % 2 === 0 ? ':udp' : ''}`);
      return door(items.join(','), { flags: index % 2 === 0 ? SYN : SYN_ONLY });
    });
    const said = await listen(captureFilter(doors, 'ethernet', 62_201));
    assert.match(said.at(-1) ?? '', /^listening on lo, link-type EN10MB/);
    assert.deepEqual(
      said.filter((line) => line.includes('ilter')),
      [],
    );
  });
});

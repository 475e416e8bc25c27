import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Dialogue } from '../../../helpers/dialogue.js';
import { ADDRESS, createLab, type Lab } from '../../../helpers/lab.js';
import type { ExecResult } from '../../../helpers/processes.js';
import { KNOCKCTL } from '../../../helpers/product.js';

export const PORT = 2222;
export const HOST = ADDRESS.server[4];
export const CALLER = ADDRESS.client[4];
const ENV = { SSH_CONNECTION: `${CALLER} 50000 ${HOST} ${PORT}` };

/** A server that somebody is logged in to by SSH, from the first client. */
export class Newcomer implements AsyncDisposable {
  readonly lab: Lab;
  readonly folder: string;
  readonly conf: string;

  constructor(lab: Lab) {
    this.lab = lab;
    this.folder = join(lab.dir, 'new');
    this.conf = join(this.folder, 'knockctl.conf');
    mkdirSync(this.folder, { mode: 0o700 });
  }

  init(...words: readonly string[]): Dialogue {
    return new Dialogue(this.lab, 'server', this.#argv('init', ...words), ENV);
  }

  async ctl(...words: readonly string[]): Promise<ExecResult> {
    return this.lab.exec('server', this.#argv(...words));
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  /** The sequence in knockd.conf. */
  get sequence(): string[] {
    return /^ +sequence += (.*)$/m.exec(this.read('knockd.conf'))?.[1]?.split(',') ?? [];
  }

  async knock(sequence = this.sequence): Promise<void> {
    const done = await this.lab.knock('client', HOST, sequence);
    assert.equal(done.exitCode, 0, done.stderr);
  }

  async getsIn(from: 'client' | 'client2' = 'client'): Promise<boolean> {
    return this.lab.canConnect(from, HOST, PORT, 500);
  }

  /** The kernel's timer is taken out, as if the trial's time were up: it has gone back. */
  async timeIsUp(): Promise<void> {
    const done = await this.lab.exec('server', ['/usr/sbin/ipset', 'flush', 'ssh_trial']);
    assert.equal(done.exitCode, 0, done.stderr);
  }

  async untilStopped(): Promise<void> {
    await this.lab.waitFor(async () => (await this.ctl('status')).exitCode === 3, 'the end');
  }

  /** True where nothing of knockctl is in the kernel. */
  async isGone(): Promise<boolean> {
    const sets = (await this.lab.exec('server', ['/usr/sbin/ipset', 'list', '-n'])).stdout;
    const rules = (await this.lab.save('server', 4)) + (await this.lab.save('server', 6));
    return sets === '' && !rules.includes('ssh_') && !rules.includes('knockctl');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose();
  }

  #argv(...words: readonly string[]): string[] {
    return [process.execPath, KNOCKCTL, '-c', this.conf, ...words];
  }
}

export async function newcomer(): Promise<Newcomer> {
  const lab = await createLab({ backend: 'nft' });
  await lab.tcpEcho('server', PORT);
  return new Newcomer(lab);
}

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { createLab, type Lab } from '../helpers/lab.js';

/** The protected port: not 22, so that nobody takes the sandbox for the machine's own SSH. */
export const PORT = 2222;
export const SEQUENCE = [7000, 8000, 9000] as const;
export const SWITCH_TIMEOUT_S = 4;
export const ACCEPT_TIMEOUT_S = 4;

/** knockctl in a lab, with a configuration whose times are short enough to watch. */
export class Sandbox implements AsyncDisposable {
  readonly lab: Lab;
  readonly program = fileURLToPath(new URL('../../app/bin/knockctl.js', import.meta.url));
  readonly configuration: string;
  readonly log: string;

  private constructor(lab: Lab) {
    this.lab = lab;
    this.configuration = `${lab.dir}/knockctl.conf`;
    this.log = `${lab.dir}/state/knockctl.log`;
  }

  static async create(): Promise<Sandbox> {
    const sandbox = new Sandbox(await createLab({ backend: 'nft' }));
    sandbox.#configure();
    return sandbox;
  }

  /** Runs knockctl in the server's namespace; gives what it printed, and throws where it failed. */
  async ctl(...args: readonly string[]): Promise<string> {
    const argv = [process.execPath, this.program, '-c', this.configuration, ...args];
    const { stdout, stderr, exitCode } = await this.lab.exec('server', argv, { timeoutMs: 30_000 });
    if (exitCode !== 0)
      throw new Error(`knockctl ${args.join(' ')} exited with ${exitCode}: ${stderr || stdout}`);
    return stdout + stderr;
  }

  /** The state that `knockctl status` tells. */
  async state(): Promise<string> {
    const argv = [process.execPath, this.program, '-c', this.configuration, 'status', '--json'];
    const { stdout } = await this.lab.exec('server', argv, { timeoutMs: 30_000 });
    return /"state":"(\w+)"/.exec(stdout)?.[1] ?? 'unknown';
  }

  /** The number of a process that the run folder names. */
  pid(name: 'supervisor' | 'listener'): number {
    return Number(readFileSync(`${this.lab.dir}/run/${name}`, 'utf8').split(' ')[0]);
  }

  /** Changes on_failure in the configuration; a reload makes it count. */
  setOnFailure(word: 'restore' | 'hold'): void {
    const text = readFileSync(this.configuration, 'utf8').replace(/^on_failure.*\n/m, '');
    writeFileSync(this.configuration, `${text}on_failure = ${word}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose();
  }

  #configure(): void {
    const { dir } = this.lab;
    const conf = `[paths]
doors   = ${dir}/knockd.conf
trusted = ${dir}/knockd.trusted
rules   = ${dir}/rules
run     = ${dir}/run
state   = ${dir}/state

[failsafe]
heartbeat        = 1
switch_timeout   = ${SWITCH_TIMEOUT_S}
listener_timeout = 3

[service.ssh]
ports          = ${PORT}
accept_timeout = ${ACCEPT_TIMEOUT_S}
`;
    const doors = `[openSSH]
  sequence    = ${SEQUENCE.join(',')}
  seq_timeout = 5
  tcpflags    = syn
  command     = knockctl accept %IP%
`;
    writeFileSync(this.configuration, conf, { mode: 0o600 });
    writeFileSync(`${dir}/knockd.conf`, doors, { mode: 0o600 });
    writeFileSync(`${dir}/knockd.trusted`, '', { mode: 0o600 });
  }
}

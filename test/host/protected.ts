/** A machine with the Debian package of this tree on it, protected, and what a client sees of it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { waitFor } from '../helpers/wait.js';
import { putDeb } from './deb.js';
import { CLIENT, Machine, MACHINE } from './machine.js';

export const CTL = '/usr/sbin/knockctl';
export const SYSTEMCTL = '/bin/systemctl';
export const KNOCKS = ['1234', '2345', '3456'];
export const KNOCK = fileURLToPath(new URL('../../app/bin/knock.js', import.meta.url));

/** What packages need before they are installed: without this file CrowdSec registers itself with a server out there. */
const BEFORE: Readonly<Record<string, string>> = {
  crowdsec:
    'mkdir -p /etc/crowdsec && echo "# none" > /etc/crowdsec/online_api_credentials.yaml && apt-get install -y --no-install-recommends crowdsec',
};

/** A machine with knockctl in force, and packages besides that were installed before it booted. */
export async function protectedMachine(_folder: string, ...packages: readonly string[]): Promise<Machine> {
  const machine = new Machine();
  putDeb(machine);
  for (const line of packages.flatMap((name) => BEFORE[name] ?? [])) machine.prepare('/bin/sh', '-c', line);
  machine.prepare(
    '/usr/bin/apt-get',
    'install',
    '-y',
    '--no-install-recommends',
    '/root/knockctl.deb',
    ...packages,
  );
  await machine.boot();
  await machine.must('/usr/sbin/knockctl', 'init', '--yes', '--sequence', KNOCKS.join(','));
  await machine.must('/bin/systemctl', 'enable', '--now', 'knockctl');
  return machine;
}

export class Host {
  readonly machine: Machine;
  readonly #ctl: string;

  constructor(machine: Machine, ctl = CTL) {
    this.machine = machine;
    this.#ctl = ctl;
  }

  /** A path in the machine, as this one sees it. */
  inside(path: string): string {
    return join(this.machine.root, path);
  }

  /** A property of a unit, by default ours. */
  async property(name: string, unit = 'knockctl'): Promise<string> {
    return (await this.machine.must(SYSTEMCTL, 'show', '-p', name, '--value', unit)).trim();
  }

  /** The exit code of knockctl status. */
  async status(): Promise<number> {
    return (await this.machine.run(this.#ctl, 'status')).exitCode;
  }

  async armed(when: string): Promise<void> {
    await waitFor(async () => (await this.status()) === 0, `armed ${when}`);
  }

  /** Whether sshd answers the client; a SYN that is dropped has no answer. */
  async answers(): Promise<boolean> {
    const argv = ['/usr/bin/nc', '-w', '1', MACHINE[4], '22'];
    return (await this.machine.atClient(argv)).stdout.startsWith('SSH-');
  }

  async knock(ports: readonly string[] = KNOCKS): Promise<void> {
    await this.machine.atClient([process.execPath, KNOCK, MACHINE[4], ...ports]);
  }

  /** Shut, a knock opens, for the knocker; then shut again. */
  async protects(when: string): Promise<void> {
    await this.armed(when);
    await waitFor(async () => !(await this.answers()), `the port to be shut ${when}`);
    await this.knock();
    await waitFor(async () => this.answers(), `a knock to open it ${when}`);
    await this.machine.must(this.#ctl, 'flush', CLIENT[4]);
    assert.equal(await this.answers(), false, `shut again ${when}`);
  }

  /** The version of a package, for the record. */
  async version(name: string): Promise<string> {
    return this.machine.must('/usr/bin/dpkg-query', '-W', '-f', '${Package} ${Version}', name);
  }
}

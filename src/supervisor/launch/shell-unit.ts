import { rmSync, watch } from 'node:fs';

import { errorText } from '../../base/errors.js';
import { requireDescriptors } from '../../system/descriptors.js';
import { makePrivateFolder, readIfExists, removeFile } from '../../system/files.js';
import { runUnit } from '../../system/units.js';
import {
  shellArgv,
  type ShellCommandResult,
  type ShellCommandStarter,
} from '../../runtime/doors/shell-child.js';

/** A line may leave processes behind that go on, as a child of knockd may: "(sleep 10; iptables -D …) &". */
const KEEP = 'KillMode=process';

/**
 * Shell lines in units of their own, with all that root may do: what the administrator's door commands do is not for us to
 * forbid, and our own unit may do next to nothing. How a line ended, systemd has written to a file in `folder`.
 */
export function shellUnitStarter(owner: string, folder: string): ShellCommandStarter {
  const units = new ShellUnits(owner.replace(/\.service$/, ''), folder);
  return (line, ended) => {
    units.start(line, ended);
    return { detach: () => undefined };
  };
}

class ShellUnits {
  readonly #prefix: string;
  readonly #folder: string;
  readonly #running = new Map<string, (result: ShellCommandResult) => void>();
  #count = 0;

  constructor(prefix: string, folder: string) {
    this.#prefix = prefix;
    this.#folder = folder;
    rmSync(folder, { recursive: true, force: true }); // of an earlier life, whose lines nobody waits for
    makePrivateFolder(folder);
    watch(folder, { persistent: false }, (_event, name) => {
      if (name !== null) this.#look(name);
    });
  }

  start(line: string, ended: (result: ShellCommandResult) => void): void {
    requireDescriptors();
    this.#count += 1;
    const name = `${this.#prefix}-line-${process.pid}-${this.#count}`;
    this.#running.set(name, ended);
    const report = `ExecStopPost=/bin/sh -c 'echo "$$1 $$2" >"$$0.new" && mv "$$0.new" "$$0"' ${this.#folder}/${name} \${EXIT_CODE} \${EXIT_STATUS}`;
    runUnit(`${name}.service`, shellArgv(line), [KEEP, report]).then(
      () => {
        this.#look(name);
      },
      (error: unknown) => {
        this.#end(name, { failed: errorText(error) });
      },
    );
  }

  #look(name: string): void {
    if (!this.#running.has(name)) return;
    const path = `${this.#folder}/${name}`;
    const [, code, status = ''] = /^(\w+) (\w+)$/m.exec(readIfExists(path) ?? '') ?? [];
    if (code === undefined) return;
    removeFile(path);
    this.#end(
      name,
      code === 'exited'
        ? { status: Number(status) }
        : { status: 0, signal: `SIG${status}` as NodeJS.Signals },
    );
  }

  #end(name: string, result: ShellCommandResult): void {
    const ended = this.#running.get(name);
    this.#running.delete(name);
    ended?.(result);
  }
}

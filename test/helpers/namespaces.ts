import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Begins the name of every namespace and temp directory of a lab; the owner's pid follows. */
const PREFIX = 'kclab-';
const OWNED = /^kclab-([0-9]+)-/;

interface Killable {
  readonly closed: Promise<unknown>;
  /** Does nothing where the process has ended. */
  readonly signal: (signal: NodeJS.Signals) => void;
}

/**
 * What a lab holds of the machine. All of it is released synchronously, for it must also go when the
 * process exits or is told to end.
 */
export class Holdings {
  readonly id: string;
  readonly dir: string;
  readonly #namespaces: string[] = [];
  readonly #processes = new Set<Killable>();

  constructor() {
    counter += 1;
    this.id = `${PREFIX}${process.pid}-${counter}`;
    watchForEnd();
    live.add(this);
    this.dir = mkdtempSync(join(tmpdir(), `${this.id}-`));
  }

  /** Adds a network namespace and gives its full name. */
  addNamespace(name: string): string {
    const full = `${this.id}-${name}`;
    ip(['netns', 'add', full]);
    this.#namespaces.push(full);
    return full;
  }

  /** Remembers a process to be killed at release, until it is closed. */
  track(child: Killable): void {
    this.#processes.add(child);
    const forget = (): void => {
      this.#processes.delete(child);
    };
    child.closed.then(forget, forget);
  }

  /** Kills all that was started here, daemons included, and removes namespaces and directory. Idempotent. */
  release(): void {
    for (const child of this.#processes) child.signal('SIGKILL');
    for (const name of this.#namespaces.splice(0)) removeNamespace(name);
    rmSync(this.dir, { recursive: true, force: true });
    live.delete(this);
  }
}

/** Removes the namespaces and directories of labs whose owner was killed. */
export function removeLeftovers(): void {
  for (const line of ip(['netns', 'list']).split('\n')) {
    const [name = ''] = line.split(' ');
    if (isLeftover(name)) removeNamespace(name);
  }
  for (const name of readdirSync(tmpdir())) {
    if (isLeftover(name)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** Runs ip(8), with lines for its batch mode where given; throws with its own words. */
export function ip(args: readonly string[], batch?: readonly string[]): string {
  const argv = batch === undefined ? args : [...args, '-batch', '-'];
  const done = spawnSync('/usr/sbin/ip', argv, {
    encoding: 'utf8',
    ...(batch === undefined ? {} : { input: `${batch.join('\n')}\n` }),
  });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) {
    throw new Error(
      `ip ${argv.join(' ')} failed (the lab needs root and network namespaces): ${done.stderr}`,
    );
  }
  return done.stdout;
}

const live = new Set<Holdings>();
let counter = 0;
let watching = false;

function watchForEnd(): void {
  if (watching) return;
  watching = true;
  process.on('exit', () => {
    for (const holdings of live) holdings.release();
  });
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}

function isLeftover(name: string): boolean {
  const owner = OWNED.exec(name)?.[1];
  return owner !== undefined && !isAlive(Number(owner));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

function removeNamespace(name: string): void {
  // A supervisor may start a child while it is being killed: look again until nobody is left.
  for (let round = 0; round < 50; round += 1) {
    const listed = spawnSync('/usr/sbin/ip', ['netns', 'pids', name], { encoding: 'utf8' });
    const pids = listed.stdout.split('\n').map(Number).filter(Boolean);
    if (pids.length === 0) break;
    pids.forEach(kill);
  }
  // Another run may clean up the same leftover: that it is gone already is no failure.
  spawnSync('/usr/sbin/ip', ['netns', 'del', name]);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

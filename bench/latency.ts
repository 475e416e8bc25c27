/** How long a door takes to open, and what that costs in memory: knockd 0.8 beside knockctl. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ADDRESS, createLab, SERVER_INTERFACE, type Lab } from '../test/helpers/lab.js';
import type { ExecResult } from '../test/helpers/processes.js';

export interface Latency {
  readonly name: string;
  readonly runs: number;
  /** Runs in which the door did not open within 5 s. */
  readonly missed: number;
  /** From the last knock to the SYN of the first connection that came up, in milliseconds. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** VmRSS of all its processes after the runs, in kB. */
  readonly residentKb: number;
}

export const RUNS = 60;
const PORT = 22;
const SEQUENCE = [7000, 8000, 9000] as const;
const PATIENCE_S = 5;
/** What the probe exits with when nothing came up. */
const NOTHING_CAME_UP = 3;
const KNOCKCTL = fileURLToPath(new URL('../src/bin/knockctl.js', import.meta.url));
const PROBE_SOURCE = fileURLToPath(new URL('../../bench/probe.c', import.meta.url));

/**
 * Knocks `runs` times from the client at the server's IPv4 address and gives for each the microseconds
 * until `port` opened, undefined where it did not. `close` shuts the door again after each run.
 */
export async function measure(
  lab: Lab,
  port: number,
  sequence: readonly number[],
  runs: number,
  close: () => Promise<void>,
): Promise<(number | undefined)[]> {
  const probe = await compileProbe(lab);
  const words = [ADDRESS.server[4], port, PATIENCE_S, ...sequence].map(String);
  const knock = async (): Promise<number | undefined> => {
    const done = await lab.exec('client', [probe, ...words]);
    await close();
    if (done.exitCode === NOTHING_CAME_UP) return undefined;
    return Number(succeeded('the probe', done).stdout);
  };
  await close();
  // The first that gets in shows that the other side is ready; it does not count.
  await lab.waitFor(async () => (await knock()) !== undefined, 60_000, 'a first knock that opens the door');
  const samples: (number | undefined)[] = [];
  for (let run = 0; run < runs; run += 1) samples.push(await knock());
  return samples;
}

/** Debian's knockd with a door that inserts a rule, as its own manual has it. */
export async function measureKnockd(runs = RUNS): Promise<Latency> {
  const lab = await createLab({ backend: 'nft' });
  try {
    const file = join(lab.dir, 'knockd.conf');
    const command = `/usr/sbin/iptables-nft -I INPUT -s %IP% -p tcp --dport ${PORT} -j ACCEPT`;
    await writeFile(file, `[options]\nlogfile = ${join(lab.dir, 'log')}\n${door(command)}`);
    await lab.tcpEcho('server', PORT);
    const daemon = lab.spawn('server', ['/usr/sbin/knockd', '-i', SERVER_INTERFACE.client, '-c', file]);
    const shut = async (): Promise<void> => {
      await lab.iptables('server', 4, ['-F', 'INPUT']);
      await lab.iptables('server', 4, ['-A', 'INPUT', '-p', 'tcp', '--dport', String(PORT), '-j', 'DROP']);
    };
    const samples = await measure(lab, PORT, SEQUENCE, runs, shut);
    return summarise('knockd 0.8', samples, await residentKb(daemon.pid));
  } finally {
    await lab.dispose();
  }
}

/** knockctl with a door that is one of its verbs. */
export async function measureKnockctl(runs = RUNS): Promise<Latency> {
  const lab = await createLab({ backend: 'nft' });
  try {
    const file = await configureKnockctl(lab);
    const knockctl = async (...words: string[]): Promise<ExecResult> =>
      lab.exec('server', [process.execPath, KNOCKCTL, '-c', file, ...words]);
    await lab.tcpEcho('server', PORT);
    succeeded('knockctl start', await knockctl('start'));
    const shut = async (): Promise<void> => {
      succeeded('knockctl flush', await knockctl('flush', 'filter'));
    };
    const samples = await measure(lab, PORT, SEQUENCE, runs, shut);
    const pid = Number(await readFile(join(lab.dir, 'run', 'knockctl.pid'), 'utf8'));
    const resident = await residentKb(pid);
    succeeded('knockctl stop', await knockctl('stop'));
    return summarise('knockctl', samples, resident);
  } finally {
    await lab.dispose();
  }
}

async function configureKnockctl(lab: Lab): Promise<string> {
  const at = (name: string): string => join(lab.dir, name);
  for (const folder of ['rules', 'run', 'state']) await mkdir(at(folder));
  await writeFile(at('doors'), door('knockctl accept %IP%'));
  await writeFile(at('trusted'), '');
  const paths = ['doors', 'trusted', 'rules', 'run', 'state'].map((name) => `${name} = ${at(name)}`);
  const firewall = ['[firewall]', `backend = ${lab.backend}`];
  const service = ['[service.ssh]', 'protocol = tcp', `ports = ${PORT}`];
  await writeFile(at('knockctl.conf'), ['[paths]', ...paths, ...firewall, ...service, ''].join('\n'));
  return at('knockctl.conf');
}

function door(command: string): string {
  return `[d]\nsequence = ${SEQUENCE.join(',')}\nseq_timeout = 5\ntcpflags = syn\ncommand = ${command}\n`;
}

async function compileProbe(lab: Lab): Promise<string> {
  const probe = join(lab.dir, 'probe');
  succeeded('cc', await lab.exec('client', ['cc', '-O2', '-Wall', '-Wextra', '-o', probe, PROBE_SOURCE]));
  return probe;
}

function succeeded(what: string, done: ExecResult): ExecResult {
  if (done.exitCode === 0) return done;
  throw new Error(`${what} failed with ${done.exitCode}: ${done.stderr}${done.stdout}`);
}

/** VmRSS of a process and all that descend from it, in kB (proc(5)). */
async function residentKb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const own = Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1] ?? 0);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const theirs = await Promise.all(children.split(' ').filter(Boolean).map(Number).map(residentKb));
  return theirs.reduce((sum, kb) => sum + kb, own);
}

function summarise(name: string, samples: readonly (number | undefined)[], resident: number): Latency {
  const sorted = samples.filter((sample) => sample !== undefined).sort((a, b) => a - b);
  // Nearest rank.
  const atMs = (share: number): number =>
    (sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN) / 1000;
  return {
    name,
    runs: samples.length,
    missed: samples.length - sorted.length,
    medianMs: atMs(0.5),
    p99Ms: atMs(0.99),
    minMs: atMs(0),
    maxMs: atMs(1),
    residentKb: resident,
  };
}

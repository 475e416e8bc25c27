import type { Lab } from '../helpers/lab.js';
import type { LabProcess } from '../helpers/processes.js';
import { waitFor } from '../helpers/wait.js';

const PROMPT = 'debug> ';

/** Node's own debugger at a process of node in the server: runs code inside it, without any of ours knowing. */
export async function inspect(lab: Lab, pid: number): Promise<LabProcess> {
  const child = lab.spawn('server', [process.execPath, 'inspect', '-p', String(pid)]);
  await child.until(PROMPT, 20_000);
  return child;
}

/** Evaluates an expression in the process, and gives what node prints of its value. */
export async function evaluate(lab: Lab, pid: number, expression: string): Promise<string> {
  const child = await inspect(lab, pid);
  const from = child.stdout.length;
  child.write(`exec ${expression}\n`);
  const answered = (): boolean => child.stdout.slice(from).includes(PROMPT);
  await waitFor(answered, `the value of ${expression}`);
  child.end('.exit\n');
  await child.closed;
  return child.stdout.slice(from, child.stdout.indexOf(PROMPT, from)).trim();
}

/** Has the process do nothing but turn in a loop, for ever. */
export async function spin(lab: Lab, pid: number): Promise<void> {
  const child = await inspect(lab, pid);
  child.write('exec (() => { for (;;); })()\n');
}

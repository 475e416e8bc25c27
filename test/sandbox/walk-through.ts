import { readFileSync } from 'node:fs';

import { ADDRESS } from '../helpers/lab.js';
import { waitFor } from '../helpers/wait.js';
import { ACCEPT_TIMEOUT_S, PORT, SEQUENCE, SWITCH_TIMEOUT_S, type Sandbox } from './sandbox.js';

interface Step {
  readonly title: string;
  readonly seconds: number;
  readonly failure: string | undefined;
}

/** Shows the main job and the first faults, each for real, and how long each took. True where all went well. */
export async function walkThrough(sandbox: Sandbox): Promise<boolean> {
  const { lab } = sandbox;
  const steps: Step[] = [];
  const step = async (title: string, act: () => Promise<string>): Promise<void> => {
    if (steps.some((earlier) => earlier.failure !== undefined)) return;
    process.stdout.write(`  ${title} … `);
    const begunMs = performance.now();
    let told = '';
    let failure: string | undefined;
    try {
      told = await act();
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    const seconds = (performance.now() - begunMs) / 1000;
    steps.push({ title, seconds, failure });
    console.log(failure === undefined ? `${told} (${seconds.toFixed(2)} s)` : `FAILED: ${failure}`);
  };
  const canConnect = async (family: 4 | 6): Promise<boolean> =>
    lab.canConnect('client', ADDRESS.server[family], PORT);
  const expectDoor = async (open: boolean): Promise<void> => {
    for (const family of [4, 6] as const) {
      if ((await canConnect(family)) !== open)
        throw new Error(`IPv${family}: the port is ${open ? 'shut' : 'open'}`);
    }
  };
  const knock = async (family: 4 | 6): Promise<void> => {
    await lab.knock('client', ADDRESS.server[family], [...SEQUENCE], {
      client: family === 4 ? 'debian' : 'ours',
    });
  };
  const armed = async (): Promise<boolean> => (await sandbox.state()) === 'armed';

  console.log(
    `knockctl in a sandbox: a server with a TCP service on port ${PORT}, and a client, each in a network namespace of its own.`,
  );
  await lab.tcpEcho('server', PORT);
  await step('before: the port is open to everybody', async () => {
    await expectDoor(true);
    return 'a real TCP connection, IPv4 and IPv6';
  });
  await step('knockctl start', async () => (await sandbox.ctl('start')).trim());
  await step('the port is shut', async () => {
    await expectDoor(false);
    return 'SYNs get no answer';
  });
  await step(`knock ${SEQUENCE.join(' ')}`, async () => {
    await knock(4);
    await waitFor(async () => canConnect(4), 'the port to open for IPv4');
    await knock(6);
    await waitFor(async () => canConnect(6), 'the port to open for IPv6');
    return 'open: IPv4 by Debian’s knock, IPv6 by ours';
  });
  await step('who is in?', async () => `\n${indent(await sandbox.ctl('list', 'filter'))}    `);
  const session = await lab.openSession('client', ADDRESS.server[4], PORT);
  const echoes = async (): Promise<void> => {
    if (!(await session.echo('still here')))
      throw new Error('the session that was open does not answer any more');
  };
  await step(`the time is over after ${ACCEPT_TIMEOUT_S} s`, async () => {
    await waitFor(async () => !(await canConnect(4)) && !(await canConnect(6)), 'the port to shut again');
    await echoes();
    return 'shut again; the session that was opened goes on';
  });
  await step('kill -9 the listener', async () => {
    const before = sandbox.pid('listener');
    process.kill(before, 'SIGKILL');
    await waitFor(async () => (await armed()) && sandbox.pid('listener') !== before, 'a new listener');
    const heard = (): number => readFileSync(sandbox.log, 'utf8').split('OPEN SESAME').length;
    const first = heard();
    await knock(4);
    await waitFor(() => heard() > first, 'the knock to be in the log');
    await waitFor(async () => canConnect(4), 'the port to open');
    return 'a new one was started, and hears a knock';
  });
  await step('kill -9 the supervisor', async () => {
    await waitFor(async () => !(await canConnect(4)), 'the port to be shut');
    process.kill(sandbox.pid('supervisor'), 'SIGKILL');
    await waitFor(async () => canConnect(4), 'the switch in the kernel to trip (on_failure = restore)');
    await echoes();
    return `the switch in the kernel tripped: nobody is locked out`;
  });
  await step('knockctl restartifdead, as cron does', async () => {
    await sandbox.ctl('restartifdead');
    await waitFor(armed, 'the service to be armed');
    await expectDoor(false);
    await echoes();
    return 'armed again, and shut';
  });
  await step('on_failure = hold, and kill -9 everything', async () => {
    sandbox.setOnFailure('hold');
    await sandbox.ctl('reload');
    for (const name of ['supervisor', 'listener'] as const) process.kill(sandbox.pid(name), 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, (SWITCH_TIMEOUT_S + 1) * 1000));
    await expectDoor(false);
    await knock(4);
    if (!(await canConnect(4))) throw new Error('the kernel did not open the door');
    if (await canConnect(6)) throw new Error('the kernel opened to somebody who had not knocked');
    return 'shut to all; a knock still opens, for the knocker alone: the kernel itself recognised it';
  });
  await step('knockctl restartifdead, once more', async () => {
    await sandbox.ctl('restartifdead');
    await waitFor(armed, 'the service to be armed');
    await echoes();
    return 'armed again, with who was let in meanwhile';
  });
  await step('knockctl status', async () => `\n${indent(await sandbox.ctl('status'))}    `);
  const rulesBefore = process.argv.includes('--stay');
  if (!rulesBefore) {
    await step('knockctl stop', async () => {
      await sandbox.ctl('stop');
      const left = (await lab.save('server', 4)) + (await lab.save('server', 6));
      if (/knockctl|ssh_|knock\./.test(left)) throw new Error(`rules are left: ${left}`);
      await expectDoor(true);
      return 'nothing of it is left in the firewall';
    });
  }
  await session.close();
  return summary(steps);
}

function summary(steps: readonly Step[]): boolean {
  const failed = steps.filter((step) => step.failure !== undefined);
  const total = steps.reduce((sum, step) => sum + step.seconds, 0);
  console.log(
    failed.length === 0
      ? `\nAll ${steps.length} steps went well, in ${total.toFixed(1)} s.`
      : `\n${failed.length} of ${steps.length} steps failed: ${failed.map((step) => step.title).join(', ')}`,
  );
  return failed.length === 0;
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '      ');
}

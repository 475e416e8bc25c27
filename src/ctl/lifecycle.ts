import { setTimeout as sleep } from 'node:timers/promises';

import { EXIT, KnockError } from '../base/errors.js';
import { readFootprint } from '../firewall/footprint.js';
import { makePrivateFolder, readIfExists } from '../system/files.js';
import { isLocked } from '../system/lock.js';
import { isAlive, parseIdentity, signal } from '../system/process.js';
import type { Request } from '../wire/control.js';
import type { StartWish } from '../wire/start-wish.js';
import type { Context } from './context.js';
import { paint, printJson, printReply } from './output.js';
import { isStatusReport, printStatus, serviceLines } from './show.js';
import { startSupervisor } from './start-supervisor.js';
import { ask } from './supervisor-client.js';

/** A supervisor that does not answer a question for so long is taken for hung. */
const ANSWER_MS = 5_000;
/** Stop commands of doors may take 10 s, and a busy xtables lock as long. */
const STOP_MS = 60_000;
/** LSB leaves 150 to 199 to the application: it runs, but is tripped or degraded. */
const NOT_ARMED = 150;

/** The init verbs, as an init script and cron call them. */
export class Lifecycle {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Starts a supervisor in the background, for good or on trial; returns once it is armed, or has failed. */
  async start(trialS?: number): Promise<number> {
    const { output } = this.#context;
    const { settings } = this.#context.config();
    const alreadyRunning = (): number => {
      if (trialS === undefined)
        return this.#say('knockctl is running already', { verb: 'start', running: true });
      throw new KnockError('knockctl is running already', {
        hint: 'knockctl reload --trial S tries a change',
      });
    };
    if (this.isRunning()) return alreadyRunning();
    makePrivateFolder(settings.paths.run);
    makePrivateFolder(settings.paths.state);
    const wish = this.#wish(trialS);
    const outcome = await startSupervisor({ file: this.#context.file }, this.#context.paths().log, wish);
    const { notes = [], until } = outcome;
    if (outcome.exitCode === EXIT.ok) {
      for (const text of notes) this.#note(text);
      return this.#say(`knockctl is ${outcome.text}`, {
        verb: 'start',
        ...(until === undefined ? {} : { trial: { until } }),
        ...(notes.length === 0 ? {} : { notes }),
      });
    }
    // Another start was faster by a moment: to LSB that is a success.
    if (outcome.exitCode === EXIT.refused && this.isRunning()) return alreadyRunning();
    if (output.json) printJson(output, { verb: 'start', error: outcome.text, exitCode: outcome.exitCode });
    else {
      output.err(`${paint(output, 'red', 'knockctl:')} ${outcome.text}\n`);
      if (outcome.hint !== undefined) output.err(`  ${outcome.hint}\n`);
    }
    return outcome.exitCode;
  }

  /** Stops the supervisor, or takes out what a dead one left. Nothing to stop is success (LSB). */
  async stop(): Promise<number> {
    if (!this.isRunning()) {
      const direct = await this.#context.direct(this.#context.config());
      const left = await direct.clear();
      for (const text of left) this.#note(text);
      return this.#say('knockctl was not running; nothing of it is in the firewall', { verb: 'stop', left });
    }
    const answer = await ask(this.#context.paths().socket, { verb: 'stop' }, { timeoutMs: STOP_MS });
    if (answer.kind === 'reply') {
      if (answer.reply.exitCode === EXIT.ok) await this.#waitUntilFree();
      return printReply(this.#context.output, answer.reply);
    }
    this.#note('the supervisor did not answer; it was killed');
    await this.kill();
    return this.stop();
  }

  /** Replaces the supervisor; what is in the kernel stays in force in between, and nobody is thrown out. */
  async restart(): Promise<number> {
    this.#context.config(); // a bad configuration is told before anything is stopped
    if (this.isRunning()) {
      const request = { verb: 'stop', keep: true } as const;
      const answer = await ask(this.#context.paths().socket, request, { timeoutMs: STOP_MS });
      // It refuses while a change is on trial.
      if (answer.kind === 'reply' && answer.reply.exitCode === EXIT.refused) {
        return printReply(this.#context.output, answer.reply);
      }
      if (answer.kind === 'reply' && answer.reply.exitCode === EXIT.ok) await this.#waitUntilFree();
      else await this.kill();
    }
    return this.start();
  }

  /** restart where a supervisor runs, else nothing (LSB). */
  async condrestart(): Promise<number> {
    return this.isRunning() ? this.restart() : this.#silent({ verb: 'condrestart', running: false });
  }

  /** Has the running supervisor take over a changed configuration, for good or on trial. */
  async reload(trialS?: number): Promise<number> {
    return this.#ask({ verb: 'reload', ...this.#wish(trialS) });
  }

  /** What is on trial stays in force. */
  async confirm(): Promise<number> {
    if (!this.isRunning() && (await this.#context.triedInVain(this.#context.config())) !== undefined) {
      throw new KnockError('the supervisor is dead: what was on trial cannot be confirmed any more', {
        hint: 'the kernel goes back by itself, at the latest at the deadline; knockctl restartifdead does it now',
      });
    }
    return this.#ask({ verb: 'confirm' });
  }

  async #ask(request: Request): Promise<number> {
    const answer = await ask(this.#context.paths().socket, request, { timeoutMs: STOP_MS });
    if (answer.kind === 'reply') return printReply(this.#context.output, answer.reply);
    throw new KnockError(
      answer.kind === 'absent' ? 'knockctl is not running' : 'the supervisor does not answer',
      {
        hint: answer.kind === 'absent' ? 'knockctl start' : 'knockctl restart',
      },
    );
  }

  /** Builds chains and sets from nothing without starting anything; feeds nothing. */
  async setup(): Promise<number> {
    const { output } = this.#context;
    const config = this.#context.config();
    if ((await this.#context.triedInVain(config)) !== undefined) {
      throw new KnockError('this configuration was on trial and was not confirmed: nothing was changed', {
        hint: 'knockctl start --trial S tries it again; changed files are taken as usual',
      });
    }
    const services = await (await this.#context.direct(config)).setup();
    if (output.json) printJson(output, { verb: 'setup', services, exitCode: EXIT.ok });
    else if (services.length === 0) output.out('there is no service to set up\n');
    else
      output.out(
        [
          'set up; nobody feeds the switch, so on_failure is in force:',
          ...services.flatMap(serviceLines),
          '',
        ].join('\n'),
      );
    return EXIT.ok;
  }

  /** Tells how it is; the exit code is LSB's for status. */
  async status(): Promise<number> {
    const { output } = this.#context;
    const running = this.isRunning();
    const answer = running
      ? await ask(this.#context.paths().socket, { verb: 'status' }, { timeoutMs: ANSWER_MS })
      : ({ kind: 'absent' } as const);
    if (answer.kind === 'reply') {
      if (!isStatusReport(answer.reply.data)) return printReply(output, answer.reply);
      const report = answer.reply.data;
      if (output.json) printJson(output, report);
      else printStatus(output, report);
      return report.state === 'armed' ? EXIT.ok : NOT_ARMED;
    }
    if (running) {
      const text = 'a supervisor is there, but does not answer';
      if (output.json) printJson(output, { state: 'unknown', meaning: text });
      else
        output.out(
          `knockctl: ${text}\n  knockctl restart replaces it; what is in the kernel stays in force\n`,
        );
      return 4;
    }
    return this.#statusOfDead();
  }

  async #statusOfDead(): Promise<number> {
    const { output } = this.#context;
    const config = this.#context.config();
    const died = readFootprint(config.settings.paths.run)?.supervised === true;
    const services = await (await this.#context.direct(config)).report();
    const tried = await this.#context.triedInVain(config);
    if (output.json) {
      printJson(output, { state: died ? 'dead' : 'stopped', services, unconfirmed: tried !== undefined });
    } else {
      const text = died
        ? 'the supervisor is dead; knockctl restartifdead starts a new one'
        : 'knockctl is stopped';
      const inForce = services.filter((service) => service.rules.some((rule) => rule.jump));
      const notes =
        tried === undefined ? [] : ['  note       the configuration on disk was on trial and not confirmed'];
      output.out([text, ...notes, ...inForce.flatMap(serviceLines)].join('\n') + '\n');
    }
    return died ? 1 : 3;
  }

  #wish(trialS: number | undefined): StartWish {
    const { session, sessionPort: port } = this.#context;
    return {
      ...(trialS === undefined ? {} : { trialS }),
      ...(session === undefined ? {} : { session }),
      ...(port === undefined ? {} : { port }),
    };
  }

  #say(text: string, data: Readonly<Record<string, unknown>>): number {
    const { output } = this.#context;
    if (output.json) printJson(output, { ...data, exitCode: EXIT.ok });
    else output.out(`${text}\n`);
    return EXIT.ok;
  }

  /** All is well, and people need not hear of it. */
  #silent(data: Readonly<Record<string, unknown>>): number {
    if (this.#context.output.json) printJson(this.#context.output, { ...data, exitCode: EXIT.ok });
    return EXIT.ok;
  }

  #note(text: string): void {
    this.#context.output.err(`note: ${text}\n`);
  }

  /** The lock alone tells it: a pid can be somebody else's by now. */
  isRunning(): boolean {
    return isLocked(this.#context.paths().lock);
  }

  async #waitUntilFree(): Promise<void> {
    const endMs = performance.now() + STOP_MS;
    while (this.isRunning()) {
      if (performance.now() > endMs)
        throw new KnockError('the supervisor does not end', { exitCode: EXIT.busy });
      await sleep(20);
    }
  }

  /** Ends a supervisor that holds the lock and does nothing else; what is in the kernel stays. */
  async kill(): Promise<void> {
    const identity = parseIdentity(readIfExists(this.#context.paths().supervisor));
    if (identity === undefined || !signal(identity, 'SIGKILL')) {
      throw new KnockError('a process holds the lock, but it is not the supervisor that was noted', {
        hint: `fuser -v ${this.#context.paths().lock} tells who it is`,
      });
    }
    while (isAlive(identity)) await sleep(20);
    await this.#waitUntilFree();
  }
}

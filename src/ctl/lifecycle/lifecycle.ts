import { ConfigError, EXIT, KnockError } from '../../base/errors.js';
import { emptyConfig } from '../../config/empty-config.js';
import type { Config } from '../../config/settings.js';
import { readInventory } from '../../firewall/ownership/inventory.js';
import { savedSets } from '../../firewall/ownership/saved-sets.js';
import { makePrivateFolder, readIfExists, reclaimFolder } from '../../system/files.js';
import type { StartOutcome } from '../../wire/start/start-outcome.js';
import type { ProcessIdentity } from '../../system/process.js';
import { stopUnit, unitState, type UnitState } from '../../system/service-manager.js';
import type { Request } from '../../wire/control.js';
import type { StartRequest } from '../../wire/start/start-request.js';
import type { Context } from '../context.js';
import { paint, printJson, printReply } from '../output.js';
import { serviceLines } from '../print/show.js';
import { askUnlessHung, whyKilled } from './hung.js';
import { startSupervisor } from './start-supervisor.js';
import { startUnit } from './start-unit.js';
import { ask, type Answer } from '../supervisor-client.js';
import { STOP_MS, SupervisorProcess } from './supervisor-process.js';
import { tooLate } from './too-late.js';

/** `trial`: for so many seconds; `boot`: nobody is there who could fix a file. */
export interface StartOptions {
  readonly trial?: number | undefined;
  readonly boot?: boolean | undefined;
}

/** The init verbs, as an init script and cron call them. */
export class Lifecycle {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Who is in charge now. Throws ConfigError where the configuration does not tell where to look. */
  get process(): SupervisorProcess {
    return new SupervisorProcess(this.#context.paths());
  }

  /**
   * Starts a supervisor in the background, for good or on trial; returns once it is armed, or has failed. With files that others
   * could have written it is refused by hand; `leavesOut`: they are left out, for a port is open where nothing is started.
   */
  async start({ trial: trialS, boot: leavesOut = false }: StartOptions = {}): Promise<number> {
    const { output } = this.#context;
    const { settings } = leavesOut ? this.#context.believed() : this.#context.config();
    const alreadyRunning = (): number => {
      if (trialS === undefined)
        return this.#say('knockctl is running already', { verb: 'start', running: true });
      throw new KnockError('knockctl is running already', {
        hint: 'knockctl reload --trial S tries a change',
      });
    };
    // Where nobody has told who holds the lock it may be a command that holds it for a while: the supervisor waits for it.
    if (this.process.noted() !== undefined) return alreadyRunning();
    for (const folder of [settings.paths.run, settings.paths.state]) {
      const done = leavesOut ? reclaimFolder(folder) : undefined;
      if (done !== undefined) this.#note(done);
      makePrivateFolder(folder);
    }
    const wish = this.#wish(trialS);
    const outcome = await this.#launch(wish);
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
    if (outcome.another === true) return alreadyRunning();
    if (output.json) printJson(output, { verb: 'start', error: outcome.text, exitCode: outcome.exitCode });
    else {
      output.err(`${paint(output, 'red', 'knockctl:')} ${outcome.text}\n`);
      if (outcome.hint !== undefined) output.err(`  ${outcome.hint}\n`);
    }
    return outcome.exitCode;
  }

  /** By systemd where it has our unit; a configuration that is named is nobody's but ours. */
  async #launch(wish: StartRequest): Promise<StartOutcome> {
    const paths = this.#context.paths();
    if ((await this.#unit())?.isOurs === true) return startUnit(paths, wish);
    return startSupervisor({ file: this.#context.file }, paths.log, wish);
  }

  async #unit(): Promise<UnitState | undefined> {
    return this.#context.file === undefined ? unitState() : undefined;
  }

  /** Stops the supervisor, or takes out what a dead one left. Nothing to stop is success (LSB). */
  async stop(): Promise<number> {
    const supervisor = await this.process.incumbent();
    if (supervisor === undefined) return this.#takeOut();
    const answer = await askUnlessHung(
      this.#context.paths().socket,
      { verb: 'stop' },
      { requestMs: STOP_MS },
    );
    if (answer.kind === 'reply') {
      if (answer.reply.exitCode === EXIT.ok) await this.process.untilEnded(supervisor);
      return printReply(this.#context.output, answer.reply);
    }
    await this.#kill(supervisor, answer);
    return this.stop();
  }

  /** A configuration with errors keeps nobody from taking out what is there by it. */
  async #takeOut(): Promise<number> {
    // One that was killed systemd would start again.
    if ((await this.#unit())?.isOurs === true) await stopUnit();
    const config = this.#readable() ?? emptyConfig(this.#context.paths());
    const left = await (await this.#context.direct(config)).clear();
    for (const text of left) this.#note(text);
    return this.#say('knockctl was not running; nothing of it is in the firewall', { verb: 'stop', left });
  }

  #readable(): Config | undefined {
    try {
      return this.#context.believed();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#note(
        'the configuration cannot be read (knockctl check): what is noted in the run folder is taken out',
      );
      return undefined;
    }
  }

  /** Replaces the supervisor; what is in the kernel stays in force in between, and nobody is thrown out. */
  async restart(): Promise<number> {
    const supervisor = await this.process.incumbent();
    return supervisor === undefined ? this.start({ boot: true }) : this.#replace(supervisor);
  }

  async #replace(supervisor: ProcessIdentity): Promise<number> {
    this.#context.believed(); // a bad configuration is told before anything is stopped
    const request = { verb: 'stop', keep: true } as const;
    const answer = await askUnlessHung(this.#context.paths().socket, request, { requestMs: STOP_MS });
    // It refuses while a change is on trial.
    if (answer.kind === 'reply' && answer.reply.exitCode === EXIT.refused) {
      return printReply(this.#context.output, answer.reply);
    }
    const isEnding = answer.kind === 'reply' && answer.reply.exitCode === EXIT.ok;
    await (isEnding ? this.process.untilEnded(supervisor) : this.#kill(supervisor, answer));
    return this.start({ boot: true });
  }

  /** One that did not end when it was asked to. What is in the kernel stays. */
  async #kill(supervisor: ProcessIdentity, answer: Answer): Promise<void> {
    const why = whyKilled(supervisor, answer);
    await this.process.kill(supervisor);
    this.#note(`the supervisor (pid ${supervisor.pid}) ${why}; it was killed`);
  }

  /** restart where a supervisor runs, else nothing (LSB). */
  async condrestart(): Promise<number> {
    const supervisor = await this.process.incumbent();
    if (supervisor === undefined) return this.#silent({ verb: 'condrestart', running: false });
    return this.#replace(supervisor);
  }

  /** Has the running supervisor take over a changed configuration, for good or on trial. */
  async reload({ trial: trialS }: StartOptions = {}): Promise<number> {
    return this.#ask({ verb: 'reload', ...this.#wish(trialS) });
  }

  /** What is on trial stays in force. */
  async confirm(): Promise<number> {
    const context = this.#context;
    const tried = this.process.isRunning() ? undefined : await context.triedInVain(context.believed());
    if (tried !== undefined) throw tooLate(tried, readInventory(context.paths().inventory));
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

  /** Before saved rules are loaded at a boot: makes the sets of ours that they name. A file that is not there names none. */
  async provideSets(files: readonly string[]): Promise<number> {
    const specs = files.flatMap((path) => savedSets(readIfExists(path) ?? ''));
    if (specs.length === 0) return this.#silent({ verb: 'setup', sets: [] });
    const sets = await this.#context.provideSets(specs);
    return this.#say(`${sets.length} sets made for the rules in ${files.join(', ')}`, {
      verb: 'setup',
      sets,
    });
  }

  #wish(trialS: number | undefined): StartRequest {
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
}

import { EXIT, KnockError } from '../../base/errors.js';
import type { Config } from '../../config/settings.js';
import { readTemplate } from '../../firewall/rules/template-file.js';
import { timeOfDay } from '../../system/local-time.js';
import type { StartOutcome } from '../../wire/start/start-outcome.js';
import type { Reply, RequestOf } from '../../wire/control.js';
import type { StartRequest } from '../../wire/start/start-request.js';
import { missingChainNotes } from '../../runtime/generation/parent-chains.js';
import { unconfirmedTrialOf } from '../../runtime/generation/select-config.js';
import { exposureNotes } from '../failsafe/exposure-log.js';
import { admitCallerSession, type Session } from '../../runtime/access/caller-session.js';
import type { Supervisor } from '../lifecycle/supervisor.js';
import { done } from '../../runtime/access/replies.js';
import { isUnheardSince, UNHEARD, type Knocked } from '../../wire/trial.js';

interface ConfigChangesParts {
  readonly supervisor: Supervisor;
  /** Reads the configuration again; throws ConfigError. */
  readonly loadConfig: () => Config;
  /** What happened during a trial. */
  readonly journal?: { readonly events: readonly Knocked[] };
}

/** How an administrator changes the configuration in force: for good or on trial, and says yes to it. */
export class ConfigChanges {
  readonly #parts: ConfigChangesParts;

  constructor(parts: ConfigChangesParts) {
    this.#parts = parts;
  }

  /** Goes over to the configuration as it is on disk now; refuses a bad one whole. */
  async reload({ trialS, ...session }: Omit<RequestOf<'reload'>, 'verb'> = {}): Promise<Reply> {
    const { supervisor } = this.#parts;
    const config = this.#parts.loadConfig();
    supervisor.trials.refuseWhileOn();
    const needRestart = restartNeeded(supervisor.active.current.config, config);
    if (needRestart.length > 0) {
      throw new KnockError(`a reload cannot change ${needRestart.join(', ')}`, {
        hint: 'nothing was changed; knockctl restart',
      });
    }
    if (trialS === undefined) {
      await supervisor.trials.forGood(async () => {
        if (unconfirmedTrialOf(config) !== undefined) throw mustBeTried();
        await supervisor.reload(config);
      });
      const notes = await this.#notes(session);
      return done(['reloaded'], notes, { verb: 'reload' });
    }
    const template = readTemplate({ rulesFolder: config.settings.paths.rules });
    const until = await supervisor.trials.begin(config, template, trialS);
    const notes = await this.#notes(session, trialS);
    return done([onTrial('reloaded', until)], notes, {
      verb: 'reload',
      trial: { until: until.toISOString() },
    });
  }

  /** What is on trial stays in force. */
  async confirm(): Promise<Reply> {
    const { supervisor, journal } = this.#parts;
    const hasDoors = supervisor.active.current.config.doors.length > 0;
    const unheard = hasDoors && journal !== undefined && isUnheardSince(journal.events) ? [UNHEARD] : [];
    const notes = [...(await supervisor.trials.confirm()), ...unheard];
    return done(['confirmed: the change is in force for good'], notes, { verb: 'confirm' });
  }

  /** What is still to be done once the rules of a start are in force; gives how the start went with it. */
  async arrive(outcome: StartOutcome, wish: StartRequest, end: () => Promise<void>): Promise<StartOutcome> {
    const { supervisor } = this.#parts;
    const { trialS, ...session } = wish;
    if (outcome.exitCode !== EXIT.ok) {
      // A trial that cannot show what it is about is none: it must not begin at some later time by itself.
      return trialS === undefined ? outcome : { ...outcome, keepsRunning: false };
    }
    if (trialS === undefined)
      return { ...outcome, notes: [...supervisor.notes, ...(await this.#notes(session))] };
    const until = await supervisor.trials.beginStart(trialS, end);
    const notes = [...supervisor.notes, ...(await this.#notes(session, trialS))];
    return { ...outcome, text: onTrial(outcome.text, until), notes, until: until.toISOString() };
  }

  /** What whoever made the change must hear besides. */
  async #notes(session: Session, trialS?: number): Promise<string[]> {
    const { verbs, firewall } = this.#parts.supervisor.active.current;
    // A trial's time is running: whoever waits for the answer must not wait for further tables to be read.
    if (trialS === undefined) await this.#parts.supervisor.exposures.checkOtherTables();
    return [
      ...(await admitCallerSession(verbs, session, trialS)),
      ...missingChainNotes(firewall.missingParentChains),
      ...firewall.readableNotes,
      ...exposureNotes(firewall.exposures),
    ];
  }
}

function onTrial(what: string, until: Date): string {
  return `${what}, on trial until ${timeOfDay(until)}: knockctl confirm keeps it, else the kernel goes back`;
}

function mustBeTried(): KnockError {
  return new KnockError('this configuration was on trial and was not confirmed: nothing was changed', {
    hint: 'knockctl reload --trial S tries it again; changed files are taken as usual',
  });
}

/** What only a restart can change: folders, back end, families, and where the log goes. */
function restartNeeded(old: Config, fresh: Config): string[] {
  const parts: readonly [string, (config: Config) => unknown][] = [
    ['[paths]', ({ settings: { paths } }) => [paths.run, paths.state, paths.pidFile]],
    [
      '[firewall] backend and families',
      ({ settings: { firewall } }) => [firewall.backend, firewall.families],
    ],
    ['[log]', ({ settings: { log } }) => log],
  ];
  return parts
    .filter(([, part]) => JSON.stringify(part(old)) !== JSON.stringify(part(fresh)))
    .map(([name]) => name);
}

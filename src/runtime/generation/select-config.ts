import { KnockError } from '../../base/errors.js';
import { loadConfig } from '../../config/load.js';
import { type ReadText } from '../../config/load-options.js';
import { runPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import { asEarlierConfig, digest, trialFile, type UnconfirmedTrial } from './trial-record.js';
import type { Template } from '../../firewall/rules/template.js';
import { readTemplate } from '../../firewall/rules/template-file.js';
import { localTime } from '../../system/local-time.js';

/** The configuration that a start puts in force. */
export interface SelectedConfig {
  readonly config: Config;
  /** Instead of the rule template on disk. */
  readonly template?: Template;
  /** What an administrator must hear of it. */
  readonly notes: readonly string[];
}

/** What is noted of a trial of just these files; undefined where there was none, or they have been changed since. */
export function unconfirmedTrialOf(config: Config): UnconfirmedTrial | undefined {
  const noted = trialFile(runPaths(config.settings.paths).unconfirmed).read();
  const template = readTemplate({ rulesFolder: config.settings.paths.rules });
  return noted?.tried === digest(config, template) ? noted : undefined;
}

/**
 * The configuration on disk; the one before it where the files are still those of a trial that was not
 * confirmed. Throws KnockError where there was none before. `again`: they are to be tried again.
 */
export function selectConfig(disk: Config, readText: ReadText, again: boolean): SelectedConfig {
  const file = trialFile(runPaths(disk.settings.paths).unconfirmed);
  // With something left out it cannot be told whether they are the same: they are not put in force by that.
  const noted = disk.leftOut.length > 0 ? file.read() : unconfirmedTrialOf(disk);
  if (again) return { config: disk, notes: [] };
  if (noted === undefined) {
    if (file.read() === undefined) return { config: disk, notes: [] };
    file.remove();
    return {
      config: disk,
      notes: [
        'the configuration was changed since a trial that was not confirmed: it is in force as it is now',
      ],
    };
  }
  const { at, before } = noted;
  if (before === null) {
    throw new KnockError(`this configuration was started on trial (${localTime(at)}) and not confirmed`, {
      hint: 'nothing was started; knockctl start --trial S tries it again, changed files are started as usual',
    });
  }
  const state = { inForce: true, leavesOut: true };
  const config = loadConfig({ file: before.file ?? undefined }, asEarlierConfig(before, readText), state);
  const files = disk.sources.map((source) => source.path).join(', ');
  const notes = [
    `the configuration tried on ${localTime(at)} was not confirmed: the one from before it is in force, not ${files}; ` +
      'knockctl reload --trial S tries it again',
  ];
  return { config, template: before.template, notes };
}

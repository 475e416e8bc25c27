import { ConfigError, errorText, type ConfigFault } from '../../base/errors.js';
import { shipped } from '../../system/install-paths.js';
import { readIfExists } from '../../system/files.js';
import { expandGate } from './gate.js';
import { readStrict } from '../../system/strict-file.js';
import type { Service } from '../model/service.js';
import type { RuleSettings } from '../model/rule-settings.js';
import { templateRemarks, type TemplateRemark } from './template-remarks.js';
import { expandTemplate, type Template } from './template.js';

const SERVICE = 'service.rules';
const GATE = 'gate.rules';

export interface TemplateSettings extends RuleSettings {
  /** The administrator's own templates; those that are missing there are taken from the package. Empty: all of them. */
  readonly rulesFolder: string;
}

/** The templates in force. Throws ConfigError where the administrator's own one cannot be read. */
export function readTemplate({ rulesFolder }: Pick<TemplateSettings, 'rulesFolder'>): Template {
  return { ...readNamed(rulesFolder, SERVICE), gate: readNamed(rulesFolder, GATE) };
}

function readNamed(rulesFolder: string, name: string): Omit<Template, 'gate'> {
  const own = `${rulesFolder}/${name}`;
  const text = rulesFolder === '' ? undefined : readOwn(own);
  if (text !== undefined) return { file: own, text };
  const file = shipped(`rules/${name}`);
  return { file, text: readIfExists(file) ?? '' };
}

/**
 * Expands the template for every service and family; throws ConfigError with each fault once. Gives what it lacks, so
 * that packets get by.
 */
export function checkTemplate(
  services: readonly Service[],
  settings: TemplateSettings,
): readonly TemplateRemark[] {
  const template = readTemplate(settings);
  const faults = new Map<string, ConfigFault>();
  for (const service of services) {
    for (const family of settings.families) {
      try {
        expandTemplate(template, service, family, settings.log);
        if (service.gate === 'strict') expandGate(template, service, family, settings.log);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        for (const fault of error.faults) faults.set(`${fault.file}:${fault.line}:${fault.message}`, fault);
      }
    }
  }
  if (faults.size > 0) throw new ConfigError([...faults.values()]);
  return templateRemarks(template, services, settings.families);
}

function readOwn(file: string): string | undefined {
  try {
    return readStrict(file);
  } catch (error) {
    throw new ConfigError([{ file, line: 0, message: `cannot be read: ${errorText(error)}` }]);
  }
}

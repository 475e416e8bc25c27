import { readTemplate, type TemplateSettings } from './template-file.js';
import type { Template } from './template.js';

/** True where the rules of a template let in by the set of those granted by hand; of before that set, it does not. */
export function namesGranted({ text }: Template): boolean {
  return text.includes('@SERVICE@_granted@V@');
}

/** What an administrator's own template lacks that came later than it, each as `file: text`. Pure but for the file. */
export function templateRemarks(settings: Pick<TemplateSettings, 'rulesFolder'>): string[] {
  const template = readTemplate(settings);
  const remarks: string[] = [];
  const lacks = (what: string): void => {
    remarks.push(`${template.file}: ${what}; compare it with the service.rules of the package`);
  };
  if (!template.text.includes('@SERVICE@_decoyed@V@'))
    lacks('no rule names @SERVICE@_decoyed@V@, so bans by doors have no effect');
  if (!namesGranted(template))
    lacks('no rule names @SERVICE@_granted@V@, so a knock can shorten what was granted by hand');
  return remarks;
}

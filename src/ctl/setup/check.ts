import { EXIT } from '../../base/errors.js';
import type { Config } from '../../config/settings.js';
import type { Recognised } from '../../wire/reports.js';
import type { Context } from '../context.js';
import { exposureLines } from '../print/exposure-lines.js';
import { printJson, type Output } from '../output.js';

/** Reads all configuration and says what it understood; ConfigError, thrown, has every fault. */
export async function check(context: Context): Promise<number> {
  const { output } = context;
  const config = context.config();
  const places = await context.recognised(config);
  const inTheWay = config.settings.services.length === 0 ? [] : ((await context.inTheWay?.()) ?? []);
  const more = inTheWay.map(({ text, fix }) => (fix === undefined ? text : `${text}; ${fix}`));
  const pitfalls = (await context.pitfalls?.(config)) ?? [];
  const exposures = await context.exposures(config);
  if (output.json) {
    const { settings, doors, trusted } = config;
    const warnings = [...config.warnings, ...pitfalls, ...more];
    printJson(output, {
      ok: true,
      warnings,
      services: settings.services,
      doors: doors.length,
      recognised: places,
      trusted: trusted.length,
      exposures,
    });
    return EXIT.ok;
  }
  for (const text of [...more, ...pitfalls]) output.err(`warning: ${text}\n`);
  printConfig(output, config, places);
  for (const line of exposureLines(output, { exposures })) output.err(`${line}\n`);
  output.out('what only root can see of this host (rules, capture, neighbours), knockctl doctor says\n');
  return EXIT.ok;
}

/** Says, for people, what a configuration was understood to be. */
export function printConfig(output: Output, config: Config, places: readonly Recognised[]): void {
  const { settings, doors, trusted, warnings } = config;
  for (const warning of warnings) output.err(`warning: ${warning}\n`);
  output.out(`${config.file ?? 'defaults (no knockctl.conf)'}: good\n`);
  for (const service of settings.services) {
    output.out(
      `  service ${service.name}: ${service.protocol} ${service.ports.join(', ')}, on_failure = ${service.onFailure}${service.gate === 'strict' ? ', gate = strict' : ''}\n`,
    );
  }
  if (settings.services.length === 0) {
    output.out('  no service: no chains of its own, the doors’ commands do what they do\n');
  }
  for (const [index, { door, actions }] of doors.entries()) {
    const sequence = door.sequence.map((step) => `${step.port}:${step.protocol}`).join(',');
    const start = actions[4].start;
    const how =
      start === undefined
        ? 'does nothing'
        : `${start.kind === 'verb' ? 'carries out' : 'runs'}: ${start.line}`;
    output.out(`  door ${door.name}: ${sequence} ${how}\n`);
    const { kernel = [], reasons = [] } = places[index] ?? {};
    const families = kernel.map((family) => `IPv${family}`).join(' and ');
    if (kernel.length > 0) output.out(`    recognised in the kernel too, for ${families}\n`);
    if (reasons.length > 0) output.out(`    recognised by the listener: ${reasons.join('; ')}\n`);
  }
  output.out(`  ${trusted.length} trusted in ${settings.paths.trusted}\n`);
}

import type { Exec } from '../system/exec.js';
import { findTool, requireTool } from '../system/tools.js';
import type { BackendName } from './model/backend-name.js';
import { chooseBackend, NO_BACKEND } from './rules/backend.js';
import { KernelDoors } from './doors/kernel-doors.js';
import { Firewall } from './firewall.js';
import { openIpset } from './sets/ipset.js';
import { probeReadable } from './rules/readable-probe.js';
import type { Service } from './model/service.js';
import type { PersistencePort } from './sets/persistence-port.js';
import { SetStore } from './sets/set-store.js';
import { Tables } from './rules/tables.js';
import type { Template } from './rules/template.js';
import { readTemplate, type TemplateSettings } from './rules/template-file.js';
import type { Version } from './trial/trial.js';

interface FirewallSettings extends TemplateSettings {
  readonly backend: BackendName | 'auto';
}

export interface FirewallOptions {
  /** Instead of the one that the settings lead to: that of an earlier time. */
  readonly template?: Template | undefined;
  /** Set for rules on trial: what the kernel goes back to. */
  readonly before?: Version | undefined;
  /** What the kernel recognises by itself. */
  readonly doors?: KernelDoors | undefined;
  /** What remembers the entries of sets that have to be made anew. */
  readonly memory?: PersistencePort | undefined;
}

/**
 * The firewall of this network namespace, by the machine's own tools. Throws KnockError where one
 * is missing (exit 69), ConfigError where the template is not one. Without services it needs none.
 */
export async function openFirewall(
  exec: Exec,
  services: readonly Service[],
  settings: FirewallSettings,
  {
    template = readTemplate(settings),
    before,
    doors = new KernelDoors('knock'),
    memory,
  }: FirewallOptions = {},
): Promise<Firewall> {
  if (services.length === 0 && (before?.services ?? []).length === 0) {
    // What an earlier configuration has left may have to be taken out.
    const sets = new SetStore(openIpset(exec, (name) => findTool(name) ?? ''));
    const none = { ...settings, families: [] };
    return new Firewall(new Tables(exec, NO_BACKEND), sets, [], none, template, { doors });
  }
  const sets = new SetStore(openIpset(exec, requireTool), memory);
  const tables = new Tables(exec, await chooseBackend(exec, settings.backend));
  const readable = await probeReadable(exec, tables.backend, settings.families);
  return new Firewall(tables, sets, services, { ...settings, readable }, template, { before, doors });
}

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
  /** Replaces the template of the settings, for example by that of an earlier run. */
  readonly template?: Template | undefined;
  /** For rules on trial: the version that the kernel falls back to. */
  readonly before?: Version | undefined;
  /** The doors that the kernel recognises by itself. */
  readonly doors?: KernelDoors | undefined;
  /** Restores the entries of sets that have to be made anew. */
  readonly memory?: PersistencePort | undefined;
}

/**
 * Opens the firewall of this network namespace with the host's tools. Throws KnockError (exit 69) if one is missing,
 * ConfigError if the template is invalid. Without services it needs no tools.
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
    // Orphans of an earlier configuration may have to be removed.
    const sets = new SetStore(openIpset(exec, (name) => findTool(name) ?? ''));
    const none = { ...settings, families: [] };
    return new Firewall(new Tables(exec, NO_BACKEND), sets, [], none, template, { doors });
  }
  const sets = new SetStore(openIpset(exec, requireTool), memory);
  const tables = new Tables(exec, await chooseBackend(exec, settings.backend));
  const readable = await probeReadable(exec, tables.backend, settings.families);
  return new Firewall(tables, sets, services, { ...settings, readable }, template, { before, doors });
}

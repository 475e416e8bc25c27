import { WarnOnce } from '../../base/warn-once.js';
import { runPaths, type RunPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import type { Firewall } from '../../firewall/firewall.js';
import { trialLabel } from '../../firewall/model/names.js';
import { namesGranted } from '../../firewall/rules/template-remarks.js';
import { openFirewall, type FirewallOptions } from '../../firewall/open.js';
import type { SetStore } from '../../firewall/sets/set-store.js';
import type { Door } from '../../knock/door.js';
import type { Clock } from '../../system/clock.js';
import type { Exec } from '../../system/exec.js';
import { ownSources } from '../../system/own-addresses.js';
import { runsAs } from '../../system/privileges.js';
import { systemBootClock } from '../../system/boot-timestamp.js';
import type { Resolver } from '../../system/resolver.js';
import type { ListenerConfig } from '../../wire/listener.js';
import type { Recognised } from '../../wire/reports.js';
import { KnockHandler } from '../doors/knock-handler.js';
import { EntryPersistence } from '../entries/entry-persistence.js';
import type { Journal } from '../journal/journal.js';
import { OneTimeLedger } from '../doors/one-time-ledger.js';
import { PendingStops, type Stop } from '../doors/pending-stops.js';
import { kernelDoors, recognised } from '../doors/kernel-recognition.js';
import type { Shell } from '../doors/shell.js';
import { TrustedSync } from '../entries/trusted-sync.js';
import type { VerbContext } from '../access/context.js';

/** What a generation is made with. */
export interface GenerationParts {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly journal: Journal;
  readonly shell: Shell;
}

/** What goes on from one configuration to the next. */
export interface PersistentState {
  readonly stops: PendingStops;
  readonly oneTime: OneTimeLedger;
  readonly entries: EntryPersistence;
}

/** Everything that follows from one configuration; a reload makes a new one and lets the old one go. */
export interface Generation {
  readonly config: Config;
  readonly firewall: Firewall;
  readonly trusted: TrustedSync;
  readonly doors: KnockHandler;
  readonly verbs: VerbContext;
}

/** Makes what lasts; stop commands run in the generation that is in force at their time. */
export function makePersistentState(
  paths: Pick<RunPaths, 'stops' | 'entries' | 'trustedEntries'>,
  { clock, journal }: Pick<GenerationParts, 'clock' | 'journal'>,
  active: { readonly current: Generation },
): PersistentState {
  const run = async (stop: Stop): Promise<boolean> => active.current.doors.stop(stop);
  const folders = { state: paths.entries, run: paths.trustedEntries };
  const sets = (): SetStore => active.current.firewall.sets;
  return {
    stops: new PendingStops({ path: paths.stops, clock, journal, run }),
    oneTime: new OneTimeLedger(journal),
    entries: new EntryPersistence({ folders, clock, journal, moment: systemBootClock, sets }),
  };
}

/** Makes the generation of a configuration; changes nothing in the kernel. */
export async function makeGeneration(
  config: Config,
  parts: GenerationParts & PersistentState,
  options: FirewallOptions = {},
): Promise<Generation> {
  const { settings } = config;
  const where = { ...settings.firewall, rulesFolder: settings.paths.rules };
  const firewall = await openFirewall(parts.exec, settings.services, where, {
    ...options,
    doors: kernelDoors(config),
    memory: parts.entries,
  });
  for (const note of firewall.readableNotes) parts.journal.record('firewall', note, {}, 'warn');
  // What the file on trial says must not be in the lists that the kernel goes back to.
  const trustedIn = (service: string): string =>
    firewall.trial === undefined ? service : trialLabel(service);
  const trusted = new TrustedSync(config.trusted, {
    sets: firewall.sets,
    get services() {
      return settings.services.map((service) => trustedIn(service.name));
    },
    resolver: parts.resolver,
    journal: parts.journal,
    ownSources,
    stateFile: runPaths(settings.paths).resolved,
    keepsAll: () => firewall.trial !== undefined,
  });
  const verbs: VerbContext = {
    sets: firewall.sets,
    services: settings.services,
    families: settings.firewall.families,
    doors: config.doors,
    ownSources,
    full: new WarnOnce(),
    hasGranted: namesGranted(firewall.template),
    trustedNames: (service) => [...new Set([trustedIn(service), service])],
    resolver: parts.resolver,
    trustedFile: settings.paths.trusted,
    record: (kind, text, fields) => {
      parts.journal.record(kind, text, fields);
    },
    forgetTrusted: (texts) => {
      if (texts === undefined) trusted.forgetAll();
      else trusted.forget(texts);
    },
  };
  const { journal, shell, clock, stops, oneTime } = parts;
  const { repeat } = settings.listener;
  return {
    config,
    firewall,
    trusted,
    verbs,
    doors: new KnockHandler(config.doors, {
      ...{ journal, shell, clock, verbs, repeat, stops, oneTime },
      inKernel: (door, family) => [...firewall.doors.openings(family).values()].some(({ id }) => id === door),
    }),
  };
}

/** What the listener is told; of one-time sequences, what is left in their files now. */
export function listenerConfig(config: Config, oneTime: OneTimeLedger, isOnTrial: boolean): ListenerConfig {
  const { settings, doors } = config;
  const issued = doors.map((settings) => ({ settings, sequences: oneTime.issue(settings) }));
  return {
    type: 'listen',
    interfaces: settings.listener.interfaces,
    families: settings.listener.families,
    user: runsAs(settings.listener.user),
    // Two beats within each heartbeat, and several within the time after which it is taken for dead.
    beatMs: Math.max(
      200,
      Math.min(settings.failsafe.heartbeatMs / 2, settings.failsafe.listenerTimeoutMs / 4),
    ),
    // While a change is on trial the kernel has the doors of before.
    reportOnly: !isOnTrial && recognised(config).every(isKernels),
    tolerateDuplicates: settings.listener.duplicates === 'tolerate',
    doors: issued.flatMap(({ settings: { door, oneTime }, sequences: [first] }): Door[] => {
      if (oneTime === undefined) return [door];
      return first === undefined ? [] : [{ ...door, sequence: first.sequence }];
    }),
    oneTime: issued.flatMap(({ settings: { door }, sequences }) =>
      sequences.length > 0 ? [{ door: door.id, sequences }] : [],
    ),
  };
}

function isKernels({ kernel, reasons }: Recognised): boolean {
  return kernel.length > 0 && reasons.length === 0;
}

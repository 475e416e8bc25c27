import { runPaths } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import type { Firewall } from '../firewall/firewall.js';
import { openFirewall } from '../firewall/open.js';
import type { Clock } from '../system/clock.js';
import type { Exec } from '../system/exec.js';
import type { Resolver } from '../system/resolver.js';
import type { ListenOrder } from '../wire/listener.js';
import { DoorKeeper } from './door-keeper.js';
import type { Journal } from './journal.js';
import type { Shell } from './shell.js';
import { TrustedKeeper } from './trusted-keeper.js';
import type { VerbContext } from './verbs/context.js';

/** What the world is made with. */
export interface WorldParts {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly journal: Journal;
  readonly shell: Shell;
}

/** Everything that follows from one configuration; a reload makes a new one and lets the old one go. */
export interface World {
  readonly config: Config;
  readonly firewall: Firewall;
  readonly trusted: TrustedKeeper;
  readonly doors: DoorKeeper;
  readonly verbs: VerbContext;
}

/** Makes the world of a configuration; changes nothing in the kernel. */
export async function makeWorld(config: Config, parts: WorldParts): Promise<World> {
  const { settings } = config;
  const firewall = await openFirewall(parts.exec, settings.services, {
    ...settings.firewall,
    rulesFolder: settings.paths.rules,
  });
  const trusted = new TrustedKeeper(config.trusted, {
    sets: firewall.sets,
    services: settings.services.map((service) => service.name),
    resolver: parts.resolver,
    journal: parts.journal,
    stateFile: runPaths(settings.paths).resolved,
  });
  const verbs: VerbContext = {
    sets: firewall.sets,
    services: settings.services,
    families: settings.firewall.families,
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
  const { journal, shell, clock } = parts;
  return {
    config,
    firewall,
    trusted,
    verbs,
    doors: new DoorKeeper(config.doors, { journal, shell, clock, verbs }),
  };
}

/** What the listener is told. */
export function listenOrder({ settings, doors }: Config): ListenOrder {
  return {
    type: 'listen',
    interfaces: settings.listener.interfaces,
    user: settings.listener.user,
    // Two beats within each heartbeat, and several within the time after which it is taken for dead.
    beatMs: Math.max(
      200,
      Math.min(settings.failsafe.heartbeatMs / 2, settings.failsafe.listenerTimeoutMs / 4),
    ),
    doors: doors.map((door) => door.door),
  };
}

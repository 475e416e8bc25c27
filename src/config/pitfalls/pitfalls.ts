import { dirname } from 'node:path/posix';

import type { Config } from '../settings.js';
import { easySequences, openForAll, sameSequence, staysOpen, stockSequences, type Pitfall } from './doors.js';
import type { HostFacts } from './host.js';
import { busyDoors, refusedByBrowsers } from './packets.js';
import { absentPrograms } from './programs.js';

/** What will go wrong with a configuration that can be read, each as `file:line: text`. Pure. */
export function pitfalls(config: Config, facts: HostFacts): readonly string[] {
  const doors: readonly Pitfall[] = [
    ...openForAll(config, facts),
    ...sameSequence(config),
    ...staysOpen(config, facts),
    ...stockSequences(config),
    ...easySequences(config, facts),
    ...busyDoors(config, facts),
    ...refusedByBrowsers(config),
    ...absentPrograms(config, facts),
  ];
  return [
    ...doors
      .toSorted((a, b) => a.line - b.line)
      .map(({ line, text }) => `${config.settings.paths.doors}:${line}: ${text}`),
    ...[...wrongAddresses(config, facts), ...wrongChains(config), ...wrongSettings(config, facts)].map(
      (text) => `${config.file ?? 'knockctl.conf'}: ${text}`,
    ),
  ];
}

/** A service for an address that is none of this host's hides nothing. */
function wrongAddresses({ settings }: Config, { addresses: own }: HostFacts): string[] {
  if (own.length === 0) return [];
  return settings.services.flatMap(({ name, chain, addresses }) =>
    chain !== 'INPUT'
      ? []
      : addresses
          .filter((address) => !own.includes(address))
          .map(
            (address) =>
              `address in [service.${name}]: ${address} is no address of this host now: nothing is protected by it ` +
              '(for a host behind this one, chain = FORWARD)',
          ),
  );
}

const BUILT_IN = ['INPUT', 'FORWARD', 'DOCKER-USER'];

function wrongChains({ settings }: Config): string[] {
  return settings.services.flatMap(({ name, chain }) => {
    const meant = BUILT_IN.find((one) => one === chain.toUpperCase() && one !== chain);
    if (meant === undefined) return [];
    return [`chain in [service.${name}]: iptables has no chain ${chain} by itself: did you mean ${meant}?`];
  });
}

function wrongSettings({ settings }: Config, { hasUser, hasFolder }: HostFacts): string[] {
  const { user } = settings.listener;
  const { file } = settings.log;
  return [
    ...(hasUser(user)
      ? []
      : [`user in [listener]: there is no user ${user}: no listener runs, and knockctl does not arm`]),
    ...(file === undefined || hasFolder(dirname(file))
      ? []
      : [`file in [log]: there is no folder ${dirname(file)}: nothing is written to ${file}`]),
  ];
}

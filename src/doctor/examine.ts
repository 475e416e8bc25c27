import type { Finding } from '../wire/reports.js';
import {
  absentInterfaces,
  configuration,
  listenerUser,
  noService,
  unconfirmedTrial,
  unreadablePackets,
} from './checks/config.js';
import { nftDrops, redirectedPorts } from './checks/elsewhere.js';
import { capture, otherKnockd, tools, unread } from './checks/host.js';
import { inForce, savedRules, startedAgain, startedAtBoot } from './checks/life.js';
import { blockingRules } from './checks/in-the-way.js';
import { rulesInFront } from './checks/in-front.js';
import { absentChain, bothBackends, neverReached, noOtherWayIn, otherBackend } from './checks/rules.js';
import {
  unreachableServices,
  servicesWithoutServer,
  onFailure,
  ownSession,
  unprotectedFamily,
} from './checks/services.js';
import { gates } from './checks/gate.js';
import { savedSets } from './checks/saved-sets.js';
import { answeringPorts, readableSecrets } from './checks/secret.js';
import type { Facts } from './facts/facts.js';

/** All checks. */
const CHECKS: readonly ((facts: Facts) => Finding[])[] = [
  configuration,
  unreadablePackets,
  unconfirmedTrial,
  tools,
  capture,
  inForce,
  noService,
  blockingRules,
  unreachableServices,
  listenerUser,
  absentInterfaces,
  bothBackends,
  otherBackend,
  nftDrops,
  noOtherWayIn,
  neverReached,
  rulesInFront,
  gates,
  absentChain,
  redirectedPorts,
  unprotectedFamily,
  ownSession,
  servicesWithoutServer,
  onFailure,
  otherKnockd,
  startedAtBoot,
  startedAgain,
  savedRules,
  savedSets,
  readableSecrets,
  answeringPorts,
  unread,
];

const RANK = { danger: 0, warning: 1, note: 2, good: 3 } as const;

/** Returns the findings of all checks, the worst first. Pure. */
export function examine(facts: Facts): Finding[] {
  return CHECKS.flatMap((check) => check(facts)).sort((one, other) => RANK[one.level] - RANK[other.level]);
}

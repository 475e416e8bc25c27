import type { Finding } from '../wire/reports.js';
import {
  absentInterfaces,
  configuration,
  listenerUser,
  noService,
  triedInVain,
  unreadablePackets,
} from './checks/config.js';
import { nftDrops, portsSentOn } from './checks/elsewhere.js';
import { capture, otherKnockd, tools, unread } from './checks/host.js';
import { inForce, savedRules, startedAgain, startedAtBoot } from './checks/life.js';
import { inTheWay } from './checks/in-the-way.js';
import { inFront } from './checks/in-front.js';
import { absentChain, bothBackends, neverReached, noOtherWayIn, otherBackend } from './checks/rules.js';
import { nobodyGetsIn, nobodyListens, onFailure, ownSession, unprotectedFamily } from './checks/services.js';
import { gates } from './checks/gate.js';
import { savedSets } from './checks/saved-sets.js';
import { answeringPorts, readableSecrets } from './checks/secret.js';
import type { Facts } from './facts/facts.js';

/** Every check there is. */
const CHECKS: readonly ((facts: Facts) => Finding[])[] = [
  configuration,
  unreadablePackets,
  triedInVain,
  tools,
  capture,
  inForce,
  noService,
  inTheWay,
  nobodyGetsIn,
  listenerUser,
  absentInterfaces,
  bothBackends,
  otherBackend,
  nftDrops,
  noOtherWayIn,
  neverReached,
  inFront,
  gates,
  absentChain,
  portsSentOn,
  unprotectedFamily,
  ownSession,
  nobodyListens,
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

/** What all checks find, the worst first. Pure. */
export function examine(facts: Facts): Finding[] {
  return CHECKS.flatMap((check) => check(facts)).sort((one, other) => RANK[one.level] - RANK[other.level]);
}

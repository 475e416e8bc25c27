/** What a packet to a protected port costs with many banned, and with none. */
import { setTimeout as delay } from 'node:timers/promises';

import { BANNED, MANY, ipset, savedBans, scattered } from './bans.js';
import { DOOR_PORT } from './engines.js';
import { MILLION, Stand } from './stand.js';
import { median, percentile } from './statistics.js';

const BANS = { none: 0, many: MANY } as const;
type Bans = keyof typeof BANS;
const KINDS = ['none', 'many'] as const;

export interface Banned {
  readonly bans: number;
  /** From so many addresses in turn, none of them banned. */
  readonly sources: number;
  /** A packet's way from the generator to the rule that drops it, in nanoseconds of a core, by round. */
  readonly rounds: readonly Readonly<Record<Bans, number>>[];
  /** Without bans: median of the rounds. */
  readonly none: number;
  /** What the bans add: of the differences in a round the median, and those that a quarter are not above and not below. */
  readonly add: number;
  readonly addFrom: number;
  readonly addTo: number;
  /** How far apart rounds without bans are: between those two of theirs. What is less cannot be told from chance. */
  readonly spread: number;
}

const ROUNDS = 9;
const SECONDS = 0.2;
const HELD = 'bench_';

/** SYNs to the protected port: each is looked up among the banned, and then dropped. */
export async function measureBanned(): Promise<Banned[]> {
  await using stand = await Stand.open({ engine: 'kernel', backend: 'nft' });
  // Nobody puts anything back then, and no capture looks at the packets.
  await stand.kill();
  for (const kind of KINDS) await fill(stand, `${HELD}${kind}`, BANS[kind]);
  return [await measureFrom(stand, 1), await measureFrom(stand, MILLION)];
}

async function measureFrom(stand: Stand, sources: number): Promise<Banned> {
  const rounds: Record<Bans, number>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const times: Record<Bans, number> = { none: NaN, many: NaN };
    // Back and forth, so that what changes with time changes both alike.
    for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
      await ipset(stand, ['swap', BANNED, `${HELD}${kind}`]);
      times[kind] = await packet(stand, sources);
      await ipset(stand, ['swap', BANNED, `${HELD}${kind}`]);
    }
    rounds.push(times);
  }
  const none = rounds.map((times) => times.none);
  const added = rounds.map((times) => times.many - times.none);
  return {
    bans: MANY,
    sources,
    rounds,
    none: median(none),
    add: median(added),
    addFrom: percentile(added, 0.25),
    addTo: percentile(added, 0.75),
    spread: percentile(none, 0.75) - percentile(none, 0.25),
  };
}

/** A set of the same kind as that of the banned. */
async function fill(stand: Stand, name: string, count: number): Promise<void> {
  const [create = ''] = (await savedBans(stand, name)).split('\n');
  const entries = scattered(count).map((address) => `add ${name} ${address} comment "cli"\n`);
  await ipset(stand, ['restore'], `${create}\n${entries.join('')}`);
}

async function packet(stand: Stand, sources: number): Promise<number> {
  const options = { seconds: 2 * SECONDS, port: DOOR_PORT, sources };
  const { flooded } = await stand.flood(options, () => delay(SECONDS * 1000));
  return flooded.coreNs / flooded.sent;
}

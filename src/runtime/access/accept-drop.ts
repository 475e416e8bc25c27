import { contains, parseAddress, type Network } from '../../base/address.js';
import { NetworkIndex } from '../../base/network-index.js';
import { chosenService } from '../../firewall/model/service.js';
import type { Entry } from '../../firewall/sets/set-specs.js';
import { EXIT } from '../../base/errors.js';
import { PARTS, type SetList } from '../../base/lists.js';
import { isLonger, longestGrant, shorter, shortestGrant } from '../../firewall/doors/times.js';
import { ok, refuse, type Result } from '../../base/result.js';
import type { ServiceSettings } from '../../config/settings.js';
import type { Reply, RequestOf } from '../../wire/control.js';
import { listName, type Origin, type VerbContext } from './context.js';
import { decoy } from './decoy.js';
import { done, duration, refused, subject } from './replies.js';
import { readTargets, type Targets } from './targets.js';

/** More targets than this are not looked up one by one for a friendly note. */
const NOTED = 32;
/** Whoever is in one of these is no stranger. */
const SPARED: readonly SetList[] = ['filter', 'granted', 'trusted'];

/**
 * Lets addresses connect to a service for a time. On an address that is in, the time starts anew. What an administrator grants for
 * longer than a knock does goes where no knock can shorten it. Whom a door has banned no knock lets in, but where that lifts the ban.
 */
export async function accept(
  context: VerbContext,
  request: RequestOf<'accept'>,
  origin: Origin,
): Promise<Reply> {
  const service = chooseService(context.services, request.service);
  const targets = readTargets(request.targets, request.force === true, context.ownSources?.());
  const { networks, faults } = targets;
  const exit = targets.impossible ? EXIT.usage : EXIT.refused;
  if (!service.ok) return refused([...faults, service.reason], 'nothing was changed', exit);
  const wrong = [...faults, ...wrongFamily(context, networks)];
  if (wrong.length > 0) return refused(wrong, 'nothing was changed', exit);
  const timeoutS = request.timeoutS ?? service.value.acceptTimeoutS;
  const banned = origin.kind === 'door' ? await decoyedAmong(context, service.value, networks) : [];
  if (banned.length > 0 && service.value.decoys === 'keep') return refused(banned, 'nothing was changed');
  const isPut = await grant(context, service.value, networks, { timeoutS, origin });
  const texts = networks.map((network) => network.text);
  // The kernel may have put it in by this very knock, a moment ago.
  const longer = isPut ? '' : ' (for longer, if another door has let it in for longer)';
  const text = `${subject(texts)} accepted at ${service.value.name} ${duration(timeoutS)}${longer}`;
  context.record('accept', text, { service: service.value.name, by: origin.label });
  return done([text], await bannedNotes(context, service.value.name, networks), {
    verb: 'accept',
    service: service.value.name,
    addresses: texts,
    timeout: timeoutS,
  });
}

/** Bans addresses from every service. Refuses what would shut out the trusted, or the caller, without --force. */
export async function drop(context: VerbContext, request: RequestOf<'drop'>, origin: Origin): Promise<Reply> {
  const force = request.force === true && origin.kind === 'admin';
  const targets = readTargets(request.targets, force, context.ownSources?.());
  if (request.spare === true && origin.kind === 'admin') return dropOthers(context, request, targets, origin);
  const { networks, faults, impossible } = targets;
  const exit = impossible ? EXIT.usage : EXIT.refused;
  if (context.services.length === 0) return refused([...faults, NO_SERVICE], 'nothing was changed', exit);
  const wrong = [...faults, ...wrongFamily(context, networks)];
  if (wrong.length > 0) return refused(wrong, 'nothing was changed', exit);
  const [knocker] = networks;
  if (origin.kind === 'door' && knocker !== undefined) return decoy(context, knocker, request, origin);
  if (!force) {
    const guarded = [...ownSession(networks, request.session), ...(await trustedAmong(context, networks))];
    if (guarded.length > 0) return refused(guarded, 'nothing was changed; --force bans it all the same');
  }
  return ban(context, networks, request, origin);
}

/** Bans those who are neither let in nor trusted, nor this host itself: whoever asks is no person, and the others must not wait for one. */
async function dropOthers(
  context: VerbContext,
  request: RequestOf<'drop'>,
  { networks, faults }: Targets,
  origin: Origin,
): Promise<Reply> {
  if (context.services.length === 0) return refused([NO_SERVICE], 'nothing was changed');
  const guarded = new Map<string, string>();
  for (const { text } of wrongFamilyOf(context, networks))
    guarded.set(text, `${text}: its family is not protected`);
  for (const [text, why] of await guardedAmong(context, networks, SPARED)) guarded.set(text, why);
  const banned = networks.filter(({ text }) => !guarded.has(text));
  const notes = [...faults, ...guarded.values()].map((why) => `not banned: ${why}`);
  if (banned.length === 0) return done([], notes, { verb: 'drop', addresses: [], spared: notes.length });
  const reply = await ban(context, banned, request, origin);
  return { ...reply, remarks: [...reply.remarks, ...done([], notes).remarks] };
}

async function ban(
  context: VerbContext,
  networks: readonly Network[],
  request: RequestOf<'drop'>,
  origin: Origin,
): Promise<Reply> {
  for (const service of context.services) {
    const timeoutS = request.timeoutS ?? service.banTimeoutS;
    const entries = networks.map((network) => ({ network, timeoutS, origin: origin.label }));
    await context.sets.add(service.name, 'banned', entries);
    for (const list of PARTS.filter) await context.sets.remove(service.name, list, networks);
  }
  const texts = networks.map((network) => network.text);
  const timeoutS = request.timeoutS ?? context.services[0]?.banTimeoutS ?? 0;
  const text = `${subject(texts)} banned ${duration(timeoutS)}`;
  context.record('drop', text, { by: origin.label });
  return done([text], [], { verb: 'drop', addresses: texts, timeout: timeoutS });
}

/**
 * Puts networks in by hand or by a knock; whom a door has banned is banned by it no more. False where a knock changes nothing, for
 * it would shorten what is there.
 */
async function grant(
  context: VerbContext,
  service: ServiceSettings,
  networks: readonly Network[],
  { timeoutS, origin }: { readonly timeoutS: number; readonly origin: Origin },
): Promise<boolean> {
  const { sets, doors = [], services, hasGranted = true } = context;
  const entries = networks.map((network) => ({ network, timeoutS, origin: origin.label }));
  const knockS = shortestGrant(doors, services, service) ?? service.acceptTimeoutS;
  const shortestS = isLonger(knockS, service.acceptTimeoutS) ? service.acceptTimeoutS : knockS;
  const isKept = hasGranted && origin.kind === 'admin' && isLonger(timeoutS, shortestS);
  const list = isKept ? 'granted' : 'filter';
  const put = await notShortened(context, service, entries, origin);
  await sets.add(service.name, list, put);
  if (origin.kind === 'admin') {
    await sets.remove(service.name, list === 'granted' ? 'filter' : 'granted', networks);
  }
  if (origin.kind === 'admin' || service.decoys === 'until_knock') {
    await sets.remove(service.name, 'decoyed', networks);
  }
  return put.length > 0;
}

/** What a knock puts in: where another door lets in for longer, who is in keeps the time that he has. As the kernel's rules do. */
async function notShortened(
  { sets, doors = [], services }: VerbContext,
  service: ServiceSettings,
  entries: readonly Entry[],
  { kind, endsS }: Origin,
): Promise<readonly Entry[]> {
  const [one, ...more] = entries;
  if (kind !== 'door' || one === undefined || more.length > 0) return entries;
  const timeoutS = shorter(one.timeoutS, endsS);
  if (!isLonger(longestGrant(doors, services, service) ?? timeoutS, timeoutS)) return entries;
  return (await sets.covers(service.name, 'filter', one.network)) ? [] : entries;
}

async function decoyedAmong(
  { sets }: VerbContext,
  { name, decoyTimeoutS }: ServiceSettings,
  networks: readonly Network[],
): Promise<string[]> {
  const banned: string[] = [];
  for (const network of networks) {
    if (!(await sets.covers(name, 'decoyed', network))) continue;
    banned.push(
      `${network.text} was banned by a door (decoy_timeout = ${decoyTimeoutS}): no knock lets it in until that is over, unless ${name} has decoys = until_knock; knockctl flush ${network.text} lifts it`,
    );
  }
  return banned;
}

const NO_SERVICE =
  'there is no service to protect: add a [service.ssh] section to knockctl.conf, or a door with a knockctl command';

/** The service that accept means, or why there is none. */
function chooseService(
  services: readonly ServiceSettings[],
  name: string | undefined,
): Result<ServiceSettings> {
  if (services.length === 0) return refuse(NO_SERVICE);
  const names = services.map((service) => service.name);
  const service = chosenService(services, name);
  return service === undefined
    ? refuse(`there is no service ${JSON.stringify(name)}; the services are: ${names.join(', ')}`)
    : ok(service);
}

function wrongFamilyOf({ families }: VerbContext, networks: readonly Network[]): readonly Network[] {
  return networks.filter((network) => !families.includes(network.family));
}

function wrongFamily(context: VerbContext, networks: readonly Network[]): string[] {
  return wrongFamilyOf(context, networks).map(
    (network) => `${network.text}: IPv${network.family} is not among [firewall] families`,
  );
}

function ownSession(networks: readonly Network[], session: string | undefined): string[] {
  const own = session === undefined ? undefined : parseAddress(session);
  if (own?.ok !== true) return [];
  return networks
    .filter((network) => contains(network, own.value))
    .map((network) => `${network.text} would ban your own SSH session, which comes from ${own.value.text}`);
}

async function trustedAmong(context: VerbContext, networks: readonly Network[]): Promise<string[]> {
  return [...(await guardedAmong(context, networks, ['trusted'])).values()];
}

/** Which of the networks share an address with these sets, which a batch is held against, and why that guards them. */
async function guardedAmong(
  context: VerbContext,
  networks: readonly Network[],
  sets: readonly SetList[],
): Promise<ReadonlyMap<string, string>> {
  const guarded = new Map<string, string>();
  for (const service of context.services) {
    for (const set of sets) {
      if (set === 'granted' && context.hasGranted === false) continue;
      const list = new NetworkIndex(await context.sets.entries(listName(context, service.name, set), set));
      for (const network of networks) {
        const entry = list.overlapping(network);
        const how = set === 'trusted' ? 'is trusted' : `is let in at ${service.name}`;
        if (entry !== undefined) guarded.set(network.text, `${network.text} ${how} (${trustedAs(entry)})`);
      }
    }
  }
  return guarded;
}

function trustedAs(entry: Entry): string {
  return entry.origin === '' ? entry.network.text : `${entry.network.text}, by ${entry.origin}`;
}

async function bannedNotes(
  context: VerbContext,
  service: string,
  networks: readonly Network[],
): Promise<string[]> {
  if (networks.length > NOTED) return [];
  const notes: string[] = [];
  for (const network of networks) {
    if (await context.sets.covers(service, 'banned', network)) {
      notes.push(`${network.text} is banned, and a ban comes first: knockctl flush ${network.text}`);
    }
  }
  return notes;
}

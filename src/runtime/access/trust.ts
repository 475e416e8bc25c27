import { mappedNetwork, parseNetwork, type Network } from '../../base/address.js';
import { errorText, EXIT, KnockError } from '../../base/errors.js';
import { ok, refuse, type Result } from '../../base/result.js';
import { addEntry, parseTrustee, removeEntry } from '../../config/trusted.js';
import { safeComment } from '../../firewall/sets/set-specs.js';
import { replaceFile } from '../../system/files.js';
import { readStrict } from '../../system/strict-file.js';
import type { Reply, RequestOf } from '../../wire/control.js';
import { trustedNames, type Origin, type VerbContext } from './context.js';
import { done, refused, subject } from './replies.js';
import { impossibleTarget } from './targets.js';

/** Whoever gives a command waits for name servers so long, for all of its names; and so many are looked up at the same time. */
const NAMES_MS = 2_000;
const PARALLEL = 8;

/** One target of trust: what was asked for, and the networks it stands for. */
interface Trustee {
  readonly text: string;
  readonly host: boolean;
  readonly networks: readonly Network[];
}

/** Puts addresses, networks or hosts on the whitelist of every service; with --save also into the file. */
export async function trust(
  context: VerbContext,
  request: RequestOf<'trust'>,
  origin: Origin,
): Promise<Reply> {
  const trustees: Trustee[] = [];
  const faults: string[] = [];
  for (const trustee of await resolveAll(context, request.targets)) {
    if (trustee.ok) trustees.push(trustee.value);
    else faults.push(trustee.reason);
  }
  const impossible = impossibleAmong(trustees, context.ownSources?.());
  faults.push(...impossible);
  const exit = impossible.length > 0 ? EXIT.usage : EXIT.refused;
  if (faults.length > 0) return refused(faults, 'nothing was changed', exit);
  const saved = request.save === true ? saveEntries(context.trustedFile, trustees, addEntry) : undefined;
  if (saved?.ok === false) return refused([saved.reason], 'nothing was changed');
  for (const service of context.services) {
    const entries = trustees.flatMap(({ text, host, networks }) =>
      networks.map((network) => ({
        network,
        timeoutS: 0,
        origin: host ? `${origin.label} ${text}` : origin.label,
      })),
    );
    for (const name of trustedNames(context, service.name)) await context.sets.add(name, 'trusted', entries);
  }
  const texts = trustees.map(describe);
  context.record('trust', `${subject(texts)} trusted`, { by: origin.label, saved: request.save === true });
  return done(
    [`${subject(texts)} trusted${request.save === true ? `, and saved in ${context.trustedFile}` : ''}`],
    [],
    {
      verb: 'trust',
      addresses: trustees.flatMap((trustee) => trustee.networks.map((network) => network.text)),
      saved: request.save === true,
    },
  );
}

/** Addresses that nobody elsewhere has; a host name whose addresses are such, that is this host. */
function impossibleAmong(trustees: readonly Trustee[], own: readonly Network[] = []): string[] {
  return trustees.flatMap(({ networks }) =>
    networks.flatMap((network) => impossibleTarget(network, own) ?? []),
  );
}

/** Takes addresses, networks or hosts off the whitelist of every service; with --save also out of the file. */
export async function untrust(
  context: VerbContext,
  request: RequestOf<'untrust'>,
  origin: Origin,
): Promise<Reply> {
  const removed: string[] = [];
  const missing: string[] = [];
  const texts: string[] = [];
  const mapped = new Map<string, string>();
  const faults: string[] = [];
  for (const target of request.targets) {
    const trustee = parseTrustee(target);
    if (!trustee.ok) {
      faults.push(trustee.reason);
      continue;
    }
    const text = trustee.value.network ?? trustee.value.text;
    const inKernel = mappedNetwork(target);
    if (inKernel !== undefined) mapped.set(text, inKernel.text);
    texts.push(text);
  }
  if (faults.length > 0) return refused(faults, 'nothing was changed');
  for (const text of texts) {
    const found = await removeTrusted(context, text, mapped.get(text));
    (found ? removed : missing).push(text);
  }
  context.forgetTrusted(texts);
  const trustees = texts.map((text) => ({ text, host: false, networks: [] }));
  const saved = request.save === true ? saveEntries(context.trustedFile, trustees, removeEntry) : undefined;
  if (removed.length > 0)
    context.record('untrust', `${subject(removed)} no longer trusted`, { by: origin.label });
  if (missing.length > 0 && saved?.ok !== true)
    return refused(missing.map((text) => `${text} is not trusted`));
  if (saved?.ok === false) return refused([saved.reason]);
  const where = request.save === true ? `, and taken out of ${context.trustedFile}` : '';
  return done([`${subject(texts)} no longer trusted${where}`], [], { verb: 'untrust', addresses: texts });
}

/** `mapped`: how else the kernel may have it. */
async function removeTrusted(context: VerbContext, text: string, mapped?: string): Promise<boolean> {
  let found = false;
  for (const name of context.services.flatMap((service) => trustedNames(context, service.name))) {
    const entries = await context.sets.entries(name, 'trusted');
    const mine = entries.filter(
      ({ network, origin }) =>
        network.text === text || network.text === mapped || origin.endsWith(` ${safeComment(text)}`),
    );
    await context.sets.remove(
      name,
      'trusted',
      mine.map((entry) => entry.network),
    );
    found ||= mine.length > 0;
  }
  return found;
}

/** All of them, host names within NAMES_MS. */
async function resolveAll(context: VerbContext, targets: readonly string[]): Promise<Result<Trustee>[]> {
  const signal = AbortSignal.timeout(NAMES_MS);
  const resolved: Result<Trustee>[] = [];
  const left = targets.entries();
  const worker = async (): Promise<void> => {
    for (const [index, target] of left) resolved[index] = await resolveTrustee(context, target, signal);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return resolved;
}

async function resolveTrustee(
  context: VerbContext,
  target: string,
  signal: AbortSignal,
): Promise<Result<Trustee>> {
  const trustee = parseTrustee(target);
  if (!trustee.ok) return trustee;
  const { text, network } = trustee.value;
  if (network === undefined) {
    const answer = await context.resolver(text, signal);
    if (answer.ok) return ok({ text, host: true, networks: answer.value });
    return refuse(
      `${answer.reason}; try again, trust its address, or write it into the trusted file, whose names are looked up again and again`,
    );
  }
  const parsed = parseNetwork(network);
  return parsed.ok ? ok({ text: parsed.value.text, host: false, networks: [parsed.value] }) : parsed;
}

/** Edits the trusted file by `edit`, entry by entry, and replaces it whole. */
function saveEntries(
  file: string,
  trustees: readonly Trustee[],
  edit: (text: string, entry: string) => Result<string>,
): Result<undefined> {
  // What others have written into it must not become root's by being saved.
  let text = readStrict(file) ?? '';
  const before = text;
  for (const trustee of trustees) {
    const edited = edit(text, trustee.text);
    if (!edited.ok) return refuse(`${file}: ${edited.reason}`);
    text = edited.value;
  }
  if (text === before) return ok(undefined);
  try {
    replaceFile(file, text);
  } catch (cause) {
    throw new KnockError(`cannot save ${file}: ${errorText(cause)}`, { exitCode: EXIT.refused, cause });
  }
  return ok(undefined);
}

function describe(trustee: Trustee): string {
  if (!trustee.host) return trustee.text;
  return `${trustee.text} (${trustee.networks.map((network) => network.text).join(', ')})`;
}

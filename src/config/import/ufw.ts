import { quote } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';
import type { PortLookUp } from '../shadow.js';

import { baseName } from '../shell-line.js';
import { isKnocker, readPorts, type Effect, type EffectReader } from './effect.js';

/** Application profiles that the packages of Debian and Ubuntu bring, as the manuals use them. */
const PROFILES: ReadonlyMap<string, string> = new Map([
  ['openssh', '22/tcp'],
  ['nginx http', '80/tcp'],
  ['nginx https', '443/tcp'],
  ['nginx full', '80,443/tcp'],
  ['apache', '80/tcp'],
  ['apache secure', '443/tcp'],
  ['apache full', '80,443/tcp'],
  ['www', '80/tcp'],
  ['www secure', '443/tcp'],
  ['www full', '80,443/tcp'],
  ['postfix', '25/tcp'],
  ['dovecot imap', '143/tcp'],
  ['dovecot secure imap', '993/tcp'],
]);

const ANY = 'any';

/** A rule of ufw(8) as far as it has been read. */
interface Found {
  from: string;
  to: string;
  ports: string | undefined;
  protocol: string | undefined;
}

/**
 * Reads `ufw [insert N] allow from %IP% to any port 22`, `ufw allow 22/tcp`, `ufw delete allow …`: ufw
 * takes no heed of the comment of a rule that it is to delete.
 */
export const readUfw: EffectReader = ([program = '', ...all], lookUp) => {
  if (baseName(program) !== 'ufw') return undefined;
  const words = all.filter((word) => !['--force', '--dry-run', 'rule'].includes(word));
  let isDelete = false;
  for (;;) {
    const [first = '', second = ''] = words;
    if (first === 'delete') {
      isDelete = true;
      words.shift();
    } else if (first === 'insert' && /^\d+$/.test(second)) words.splice(0, 2);
    else if (first === 'prepend') words.shift();
    else break;
  }
  const [verb = '', ...rest] = words;
  if (isDelete && /^\d+$/.test(verb)) return refuse('it deletes a rule by its number, whichever that is');
  if (verb === 'route') return refuse('ufw route is about the traffic of other machines');
  if (!['allow', 'limit', 'deny', 'reject'].includes(verb)) {
    return refuse(`ufw ${quote(verb)} is no rule for the address that knocked`);
  }
  const found = readRule(rest);
  if (!found.ok) return found;
  return judge(found.value, { isDelete, isAllow: verb === 'allow' || verb === 'limit' }, lookUp);
};

function readRule(words: readonly string[]): Result<Found> {
  const found: Found = { from: ANY, to: ANY, ports: undefined, protocol: undefined };
  const rest = [...words];
  if (rest[0] === 'in') rest.shift();
  if (rest[0] === 'out') return refuse('it is about packets that leave this host');
  if (rest[0] === 'on')
    return refuse(`it is for the interface ${rest[1] ?? ''} only, and a service is for all`);
  if (rest[0] === 'log' || rest[0] === 'log-all') rest.shift();
  const comment = rest.indexOf('comment');
  if (comment !== -1) rest.splice(comment);
  if (!['from', 'to', 'proto', 'app', 'port'].includes(rest[0] ?? '')) {
    const profile = PROFILES.get(rest.join(' ').toLowerCase());
    const [ports = '', protocol] = (profile ?? rest[0] ?? '').split('/');
    if (rest.length !== 1 && profile === undefined)
      return refuse('it is not a rule that ufw has in its manual');
    return ok({ ...found, ports, protocol });
  }
  let side: 'from' | 'to' = 'to';
  while (rest.length > 0) {
    const [word = '', value = ''] = rest.splice(0, 2);
    if (word === 'from' || word === 'to') {
      side = word;
      found[word] = value;
    } else if (word === 'proto') found.protocol = value;
    else if (word === 'port' && side === 'to') found.ports = value;
    else if (word === 'port') return refuse(`it asks for the source port ${value}, and a service does not`);
    else if (word === 'app' && PROFILES.has(value.toLowerCase())) {
      [found.ports, found.protocol] = (PROFILES.get(value.toLowerCase()) ?? '').split('/');
    } else return refuse(`${quote(word)} is not understood here`);
  }
  const [ports, protocol] = found.ports?.split('/') ?? [];
  return ok({ ...found, ports, protocol: found.protocol ?? protocol });
}

function judge(
  { from, to, ports: text, protocol: written }: Found,
  { isDelete, isAllow }: { readonly isDelete: boolean; readonly isAllow: boolean },
  lookUp: PortLookUp,
): Result<Effect> {
  const isForAll = from === ANY || from === '0.0.0.0/0' || from === '::/0';
  if (!isForAll && !isKnocker(from))
    return refuse(`it is from ${from}, not from the address that knocked (%IP%)`);
  if (to !== ANY)
    return refuse(`it is for the destination ${to} only: write [service.NAME] with address = by hand`);
  const protocol = (['tcp', 'udp'] as const).find((known) => known === (written ?? 'tcp'));
  if (protocol === undefined) return refuse(`its protocol ${quote(written ?? '')} is neither tcp nor udp`);
  const identity = JSON.stringify(['ufw', isAllow, written, text, isForAll]);
  const common = { family: undefined, isForAll, newOnly: true, identity };
  if (text === undefined) {
    if (isAllow || isForAll) return refuse('it names no port, and a service needs that');
    return ok<Effect>({
      ...{ action: isDelete ? 'delete' : 'add', verdict: 'DROP', place: undefined },
      ...{ ...common, remarks: [] },
    });
  }
  const ports = readPorts(text, lookUp);
  if (!ports.ok) return ports;
  const place = { protocol, ports: ports.value, chain: 'INPUT' };
  const remarks =
    written === undefined ? ['ufw opened udp too, where it is told no protocol: here it is tcp alone'] : [];
  if (isForAll) {
    const lets = isAllow !== isDelete;
    return ok({ action: lets ? 'add' : 'delete', verdict: 'ACCEPT', place, ...common, remarks });
  }
  const verdict = isAllow ? 'ACCEPT' : 'DROP';
  return ok({ action: isDelete ? 'delete' : 'add', verdict, place, ...common, remarks });
}

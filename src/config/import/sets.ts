import { quote, type Family } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';
import type { PortLookUp } from '../shadow.js';

import { baseName } from '../shell-line.js';
import { isKnocker, readDuration, readPorts, type Effect, type EffectReader, type Place } from './effect.js';

/** Sets of nft and ipset that the address goes into: what it may do then, rules of the administrator's own say. */

const NFT_FAMILIES = ['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev'];

/** Reads `nft add element inet TABLE SET { %IP% timeout 60s }` and `nft add rule … ip saddr %IP% tcp dport 22 accept`. */
export const readNft: EffectReader = ([program = '', ...rest], lookUp) => {
  if (baseName(program) !== 'nft') return undefined;
  // nft takes its words as one text, however they are quoted.
  const words = rest
    .join(' ')
    .replaceAll(/([{},;])/g, ' $1 ')
    .split(/\s+/)
    .filter((word) => word !== '' && word !== ';');
  const command = !words[0]?.startsWith('-') ? words : words.slice(1);
  const [verb = '', what = '', ...more] = command;
  const family = NFT_FAMILIES.includes(more[0] ?? '') ? more.shift() : undefined;
  if (what === 'element' && ['add', 'create', 'delete', 'destroy'].includes(verb)) {
    return readElement(more, { isDelete: verb.startsWith('de'), family }, lookUp);
  }
  if (what === 'rule' && (verb === 'add' || verb === 'insert')) return readRule(more, family, lookUp);
  if (what === 'rule') return refuse('it takes a rule away by its number (handle), whichever that is');
  return refuse(`nft ${quote(`${verb} ${what}`.trim())} is nothing for the address that knocked`);
};

interface Kind {
  readonly isDelete: boolean;
  readonly family: string | undefined;
}

function readElement(
  words: readonly string[],
  { isDelete, family }: Kind,
  lookUp: PortLookUp,
): Result<Effect> {
  const [table = '', set = '', open, ...rest] = words;
  const close = rest.indexOf('}');
  if (open !== '{' || close === -1 || close !== rest.length - 1)
    return refuse('it is not one command of nft');
  const [address = '', ...more] = rest.slice(0, close);
  if (!isKnocker(address)) return refuse('what it adds is not the address that knocked (%IP%)');
  let place: Place | undefined;
  let timeoutS: number | undefined;
  let key: string[] = [];
  for (let at = 0; at < more.length; at += 1) {
    const word = more[at] ?? '';
    if (word === '.') key = [...key, more[(at += 1)] ?? ''];
    else if (word === 'timeout') timeoutS = readDuration(more[(at += 1)] ?? '');
    else if (word === 'expires') at += 1;
    else if (word === 'comment') break;
    else
      return refuse(
        word === ',' ? 'it adds more than the address that knocked' : `${quote(word)} is not understood here`,
      );
  }
  if (key.length > 0) {
    const read = placeOfKey(key, lookUp);
    if (!read.ok) return read;
    place = read.value;
  }
  return ok(
    inSet({
      tool: 'nft',
      set,
      where: table,
      isDelete,
      place,
      timeoutS,
      family: family === 'ip6' ? 6 : undefined,
    }),
  );
}

/** `%IP% . 22`, `%IP% . tcp . 22`. */
function placeOfKey(key: readonly string[], lookUp: PortLookUp): Result<Place> {
  const protocol = (['tcp', 'udp'] as const).find((known) => key.includes(known)) ?? 'tcp';
  const [port, another] = key.filter((word) => word !== protocol);
  if (port === undefined || another !== undefined) return refuse(`${quote(key.join(' . '))} is not one port`);
  const ports = readPorts(port, lookUp);
  return ports.ok ? ok({ protocol, ports: ports.value, chain: 'INPUT' }) : ports;
}

function readRule(words: readonly string[], family: string | undefined, lookUp: PortLookUp): Result<Effect> {
  const [table = '', chain = '', ...all] = words;
  let rest = all;
  if (rest[0] === 'position' || rest[0] === 'index' || rest[0] === 'handle') rest = rest.slice(2);
  let isForAll = true;
  let ports: readonly number[] | undefined;
  let protocol: 'tcp' | 'udp' | undefined;
  let verdict: 'accept' | 'drop' | undefined;
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at] ?? '';
    const next = rest[at + 1] ?? '';
    if ((word === 'ip' || word === 'ip6') && next === 'saddr') {
      const source = rest[at + 2] ?? '';
      if (!isKnocker(source)) return refuse('its source is not the address that knocked (ip saddr %IP%)');
      isForAll = false;
      at += 2;
    } else if ((word === 'tcp' || word === 'udp') && next === 'dport') {
      const list =
        rest[at + 2] === '{' ? rest.slice(at + 3, rest.indexOf('}', at)) : rest.slice(at + 2, at + 3);
      const read = readPorts(list.filter((one) => one !== ',').join(','), lookUp);
      if (!read.ok) return read;
      [protocol, ports] = [word, read.value];
      at += rest[at + 2] === '{' ? rest.indexOf('}', at) - at : 2;
    } else if (word === 'ct' && next === 'state' && (rest[at + 2] ?? '').split(',').includes('new')) at += 2;
    else if (word === 'counter') continue;
    else if (word === 'comment') at += 1;
    else if (word === 'accept' || word === 'drop') verdict = word;
    else return refuse(`${quote(word)} in its rule of nft has no like in a service`);
  }
  if (verdict === undefined) return refuse('its rule of nft neither accepts nor drops');
  if (protocol === undefined || ports === undefined)
    return refuse('it names no protocol with its ports, and a service needs that');
  const lets = !isForAll || verdict === 'accept';
  return ok<Effect>({
    action: lets ? 'add' : 'delete',
    verdict: isForAll || verdict === 'accept' ? 'ACCEPT' : 'DROP',
    family: family === 'ip' ? 4 : family === 'ip6' ? 6 : undefined,
    place: { protocol, ports, chain: 'INPUT' },
    ...{ isForAll, newOnly: true, remarks: [] },
    identity: JSON.stringify(['nft rule', table, chain, rest]),
  });
}

const IPSET_ADD = ['add', '-A', '--add'];
const IPSET_DEL = ['del', '-D', '--del', 'delete'];
const IPSET_TEST = ['test', '-T', '--test'];
const IPSET_FLAGS = ['-q', '-quiet', '--quiet', '-!', '-exist', '--exist', '-n', '-name'];

/** Reads `ipset [-q] [-exist] add SET %IP% [timeout N]`; `%IP%,tcp:22` in a set of addresses and ports. */
export const readIpset: EffectReader = ([program = '', ...all], lookUp) => {
  if (baseName(program) !== 'ipset') return undefined;
  const [verb = '', set = '', entry = '', ...rest] = all.filter((word) => !IPSET_FLAGS.includes(word));
  const isAdd = IPSET_ADD.includes(verb);
  const isTest = IPSET_TEST.includes(verb);
  if (!isAdd && !isTest && !IPSET_DEL.includes(verb)) {
    return refuse(`ipset ${quote(verb)} is nothing for the address that knocked`);
  }
  const [address = '', port, another] = entry.split(',');
  if (!isKnocker(address) || another !== undefined) {
    return refuse('what it adds is not the address that knocked (%IP%)');
  }
  let timeoutS: number | undefined;
  for (let at = 0; at < rest.length; at += 2) {
    const word = rest[at] ?? '';
    if (word === 'timeout') timeoutS = readDuration(rest[at + 1] ?? '');
    else if (word !== 'comment') return refuse(`${quote(word)} is not understood here`);
  }
  const place = port === undefined ? undefined : placeOfKey(port.split(':'), lookUp);
  if (place?.ok === false) return place;
  const made = inSet({
    ...{ tool: 'ipset', set, where: '', isDelete: !isAdd, place: place?.value, timeoutS },
    ...{ family: /(?:^|[^a-z0-9])(?:v6|ipv6|inet6)(?:$|[^a-z0-9])/i.test(set) ? 6 : undefined },
  });
  return ok(isTest ? { ...made, action: 'test' as const } : made);
};

function inSet(found: {
  readonly tool: string;
  readonly set: string;
  readonly where: string;
  readonly isDelete: boolean;
  readonly place: Place | undefined;
  readonly timeoutS: number | undefined;
  readonly family: Family | undefined;
}): Effect {
  const { tool, set, where, isDelete, place, timeoutS, family } = found;
  return {
    action: isDelete ? 'delete' : 'add',
    // By its name alone a set tells whether it is one of those who are kept out.
    verdict: /ban|block|drop|deny|black|bad|reject/i.test(set) ? 'DROP' : 'ACCEPT',
    ...{ family, place, set: `${where === '' ? '' : `${where} `}${set}`, isForAll: false, newOnly: true },
    ...(timeoutS === undefined || timeoutS === 0 ? {} : { timeoutS }),
    identity: JSON.stringify([tool, where, set]),
    remarks: [],
  };
}

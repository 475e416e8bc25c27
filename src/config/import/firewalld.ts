import { quote, type Family } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';
import type { PortLookUp } from '../shadow.js';

import { baseName } from '../shell-line.js';
import { isKnocker, readDuration, readPorts, type Effect, type EffectReader, type Place } from './effect.js';

const PERMANENT =
  'with --permanent nothing happened before the next firewall-cmd --reload, and then for good: here it is at once';

/** Reads firewall-cmd with a rich rule, a port or a service, added or removed, with or without a time-out. */
export const readFirewalld: EffectReader = ([program = '', ...words], lookUp) => {
  if (baseName(program) !== 'firewall-cmd') return undefined;
  const options = readOptions(words);
  if (!options.ok) return options;
  const { what, value, isDelete, isPermanent, timeout } = options.value;
  if (what === 'other') return refuse(`firewall-cmd ${value} is no rule for the address that knocked`);
  const timeoutS = timeout === undefined ? undefined : readDuration(timeout);
  if (timeout !== undefined && timeoutS === undefined)
    return refuse(`--timeout ${quote(timeout)} is no time`);
  const effect = what === 'rich-rule' ? readRichRule(value, lookUp) : readPlain(what, value, lookUp);
  if (!effect.ok) return effect;
  const { lets, ...rest } = effect.value;
  const isAdded = rest.isForAll ? lets !== isDelete : !isDelete;
  return ok<Effect>({
    ...rest,
    action: isAdded ? 'add' : 'delete',
    newOnly: true,
    ...(timeoutS === undefined || timeoutS === 0 ? {} : { timeoutS }),
    remarks: isPermanent ? [PERMANENT] : [],
  });
};

interface Options {
  readonly what: 'rich-rule' | 'port' | 'service' | 'other';
  readonly value: string;
  readonly isDelete: boolean;
  readonly isPermanent: boolean;
  readonly timeout: string | undefined;
}

function readOptions(words: readonly string[]): Result<Options> {
  let found: Pick<Options, 'what' | 'value' | 'isDelete'> | undefined;
  let isPermanent = false;
  let timeout: string | undefined;
  for (let at = 0; at < words.length; at += 1) {
    const [name = '', inline] = (words[at] ?? '').split(/=(.*)/s);
    const value = (): string => inline ?? words[(at += 1)] ?? '';
    const [, sign, kind] = /^--(add|remove)-(rich-rule|port|service)$/.exec(name) ?? [];
    if (sign !== undefined) {
      if (found !== undefined) return refuse('it does several things at once');
      const what = (['rich-rule', 'port', 'service'] as const).find((one) => one === kind) ?? 'other';
      found = { what, value: value(), isDelete: sign === 'remove' };
    } else if (name === '--zone') value();
    else if (name === '--timeout') timeout = value();
    else if (name === '--permanent') isPermanent = true;
    else if (!['-q', '--quiet'].includes(name)) {
      found = { what: 'other', value: name, isDelete: false };
      break;
    }
  }
  found ??= { what: 'other', value: '', isDelete: false };
  return ok({ ...found, isPermanent, timeout });
}

/** An effect but for whether it is added; `lets`: the rule accepts. */
type Draft = Pick<Effect, 'verdict' | 'family' | 'place' | 'isForAll' | 'identity'> & {
  readonly lets: boolean;
};

function readPlain(what: 'port' | 'service', value: string, lookUp: PortLookUp): Result<Draft> {
  const place = what === 'port' ? ofPort(...splitPort(value), lookUp) : ofService(value, lookUp);
  if (!place.ok) return place;
  const identity = JSON.stringify(['firewalld', what, value]);
  return ok({
    verdict: 'ACCEPT',
    family: undefined,
    place: place.value,
    isForAll: true,
    identity,
    lets: true,
  });
}

function splitPort(text: string): [ports: string, protocol: string] {
  const [ports = '', protocol = ''] = text.split('/');
  return [ports, protocol];
}

function ofPort(text: string, written: string, lookUp: PortLookUp): Result<Place> {
  const protocol = (['tcp', 'udp'] as const).find((known) => known === written);
  if (protocol === undefined) return refuse(`its protocol ${quote(written)} is neither tcp nor udp`);
  const ports = readPorts(text, lookUp);
  return ports.ok ? ok({ protocol, ports: ports.value, chain: 'INPUT' }) : ports;
}

/** firewalld's services are called as in /etc/services, mostly. */
function ofService(name: string, lookUp: PortLookUp): Result<Place> {
  const port = lookUp(name);
  if (port === undefined)
    return refuse(`which ports firewalld's service ${quote(name)} has is not known here`);
  return ok({ protocol: 'tcp', ports: [port], chain: 'INPUT' });
}

/** firewalld.richlanguage(5). */
function readRichRule(text: string, lookUp: PortLookUp): Result<Draft> {
  const words = text
    .replaceAll(/["']/g, '')
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words[0] !== 'rule') return refuse('it is not a rich rule: that begins with "rule"');
  const values = new Map<string, string>();
  const bare: string[] = [];
  let element = '';
  for (const word of words.slice(1)) {
    const [name = '', value] = word.split(/=(.*)/s);
    if (value === undefined) {
      element = name;
      bare.push(name);
    } else values.set(`${element} ${name}`.trim(), value);
  }
  const odd = bare.find(
    (word) =>
      !['source', 'port', 'service', 'log', 'limit', 'audit', 'accept', 'drop', 'reject'].includes(word),
  );
  if (odd !== undefined) return refuse(`${quote(odd)} in its rich rule has no like in a service`);
  if (bare.includes('limit')) return refuse('its rich rule has a limit, and a service has none');
  const source = values.get('source address');
  if (bare.includes('source') && (source === undefined || !isKnocker(source))) {
    return refuse('its source is not the address that knocked (source address="%IP%")');
  }
  const verdict = bare.includes('accept')
    ? 'ACCEPT'
    : bare.includes('drop') || bare.includes('reject')
      ? 'DROP'
      : undefined;
  if (verdict === undefined) return refuse('its rich rule neither accepts nor drops');
  const service = values.get('service name');
  const ports = values.get('port port');
  const written = values.get('family');
  const family: Family | undefined = written === 'ipv4' ? 4 : written === 'ipv6' ? 6 : undefined;
  const isForAll = source === undefined;
  const rest = {
    family,
    isForAll,
    identity: JSON.stringify(['firewalld', words.filter((word) => word !== '')]),
  };
  const lets = verdict === 'ACCEPT';
  if (service === undefined && ports === undefined) {
    if (lets || isForAll) return refuse('it names no protocol with its ports, and a service needs that');
    return ok({ ...rest, verdict, place: undefined, lets });
  }
  const place =
    service === undefined
      ? ofPort(ports ?? '', values.get('port protocol') ?? '', lookUp)
      : ofService(service, lookUp);
  return place.ok ? ok({ ...rest, verdict: isForAll ? 'ACCEPT' : verdict, place: place.value, lets }) : place;
}

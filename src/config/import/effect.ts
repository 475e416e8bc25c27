import type { Family } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';
import type { Protocol } from '../../knock/door.js';

import type { PortLookUp } from '../shadow.js';

/** What a service protects, as a door's command names it. */
export interface Place {
  readonly protocol: Protocol;
  /** In ascending order, each once. */
  readonly ports: readonly number[];
  readonly chain: string;
}

/** What one command of a door does to a firewall: lets in (ACCEPT) or bans (DROP), or takes that back. */
export interface Effect {
  /** A rule or an entry is added that lets in or bans, or is taken away; or it is only asked whether it is there. */
  readonly action: 'add' | 'delete' | 'test';
  readonly verdict: 'ACCEPT' | 'DROP';
  /** undefined: of both families, or not said. */
  readonly family: Family | undefined;
  /** undefined: everything that the address sends; or, where `set` is there, what the rules that look at the set say. */
  readonly place: Place | undefined;
  /** The set of nft or ipset that the address goes into. */
  readonly set?: string;
  /** It is for everybody, not for the address that knocked. */
  readonly isForAll: boolean;
  /** True where only the first packet of a connection matches. */
  readonly newOnly: boolean;
  /** After so many seconds it ends by itself. */
  readonly timeoutS?: number;
  /** Equal for what is added and what takes it away. */
  readonly identity: string;
  /** What of it a verb does otherwise. */
  readonly remarks: readonly string[];
}

/** Reads a command of one tool; undefined: it is none of that tool. */
export type EffectReader = (words: readonly string[], lookUp: PortLookUp) => Result<Effect> | undefined;

/** iptables' multiport takes no more, and so does a service. */
const MAX_PORTS = 15;

/** Reads `22`, `ssh`, `22,443` or `6000:6005` (`6000-6005`): the ports of a service. */
export function readPorts(text: string, lookUp: PortLookUp): Result<readonly number[]> {
  const ports = new Set<number>();
  for (const item of text.split(',')) {
    const isRange = /^\d+[:-]\d+$/.test(item);
    const [first = 0, last = first] = (isRange ? item.split(/[:-]/) : [item]).map((word) =>
      onePort(word, lookUp),
    );
    if (first < 1 || last > 65_535 || last < first) return refuse(`"${item}" is not a port`);
    for (let port = first; port <= last && ports.size <= MAX_PORTS; port += 1) ports.add(port);
  }
  if (ports.size > MAX_PORTS) {
    return refuse(
      `it opens several ports (${text}), and a service has ${MAX_PORTS} at most: ` +
        'write [service.NAME] for those that matter and knockctl accept %IP% --service NAME by hand',
    );
  }
  return ok([...ports].sort((a, b) => a - b));
}

/** 0 where it is none. */
function onePort(word: string, lookUp: PortLookUp): number {
  return /^[0-9]{1,5}$/.test(word) ? Number(word) : (lookUp(word) ?? 0);
}

/** True for the address that knocked, alone: `%IP%`, `%IP%/32`, `%IP%/128`. */
export function isKnocker(text: string): boolean {
  return /^%IP%(?:\/(?:32|128))?$/.test(text);
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** Seconds of `60`, `60s`, `10m`, `1h30m`, `1d`; undefined for anything else. */
export function readDuration(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (!/^(?:\d{1,9}[smhdw])+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit = ''] of text.matchAll(/(\d+)([smhdw])/g)) {
    seconds += Number(count) * (UNITS[unit] ?? 0);
  }
  return seconds;
}

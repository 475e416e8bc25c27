import { quote } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';
import { MAX_STEPS, TCP_FLAGS, type FlagFilter, type Protocol, type Step } from '../../knock/door.js';

import { trim, upper } from '../lines.js';

const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
]);

const FLAGS: ReadonlyMap<string, number> = new Map(
  Object.entries(TCP_FLAGS).map(([name, bit]) => [upper(name), bit]),
);

/** All flags are free. */
export const ANY_FLAGS: FlagFilter = { mask: 0, value: 0 };

/** Reads `port[:proto],…`; each fault in knockd's words, and what would be right in brackets. */
export function parseSequence(value: string): { steps: readonly Step[]; faults: readonly string[] } {
  const items = value.split(',');
  const faults: string[] = [];
  const steps: Step[] = [];
  if (items.length > MAX_STEPS) {
    faults.push(`too many ports in knock sequence (${items.length}; ${MAX_STEPS} are the most)`);
  }
  for (const item of items.slice(0, MAX_STEPS)) {
    const step = parseStep(item);
    if (step.ok) steps.push(step.value);
    else faults.push(step.reason);
  }
  return { steps, faults };
}

/** A third field, as in `7000:tcp:x`, is ignored, as knockd does. */
function parseStep(item: string): Result<Step> {
  const [portText = '', protocolText] = item.split(':').map(trim);
  const protocol = protocolText === undefined ? 'tcp' : PROTOCOLS.get(upper(protocolText));
  const port = /^[0-9]{1,9}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) {
    const named = /^[\x21-\x7e]{1,40}$/.test(portText) ? portText : quote(portText);
    return refuse(`port ${named} is invalid (a number from 1 to 65535 is needed)`);
  }
  if (protocol === undefined) {
    return refuse(`unknown protocol in knock sequence (${quote(trim(item))}; tcp and udp are known)`);
  }
  return ok({ port, protocol });
}

/**
 * Adds the flags of one TCPFlags line to those of the lines before it. Items are not trimmed, as in
 * knockd; for the same flag the last wins.
 */
export function addFlags(before: FlagFilter, value: string): Result<FlagFilter> {
  let { mask, value: bits } = before;
  for (const item of upper(value).split(',')) {
    const isNegated = item.startsWith('!');
    const bit = FLAGS.get(isNegated ? item.slice(1) : item);
    if (bit === undefined) {
      return refuse(
        `unrecognized flag "${item.slice(0, 80)}" (there are fin, syn, rst, psh, ack and urg, ` +
          'each with an optional !, with commas and no spaces between)',
      );
    }
    mask |= bit;
    bits = isNegated ? bits & ~bit : bits | bit;
  }
  return ok({ mask, value: bits });
}

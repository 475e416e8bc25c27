import { quote } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';

/** xt_limit counts in ten-thousandths of a second (linux/netfilter/xt_limit.h, XT_LIMIT_SCALE). */
const SCALE = 10_000;
const DAY = 86_400 * SCALE;

const UNITS: readonly { readonly name: string; readonly full: string; readonly ticks: number }[] = [
  { name: 'sec', full: 'second', ticks: SCALE },
  { name: 'min', full: 'minute', ticks: 60 * SCALE },
  { name: 'hour', full: 'hour', ticks: 3_600 * SCALE },
  { name: 'day', full: 'day', ticks: DAY },
];

/** The match's own default burst: the kernel's credit for it must fit in one day. */
const BURST = 5;

/**
 * Reads a rate such as `6/min` and gives it as iptables prints it (60/min is 1/sec). The kernel keeps
 * the period only, so that 700/sec becomes 714/sec. Measured with iptables 1.8.9, nft and legacy;
 * legacy refuses less than 5/day.
 */
export function parseLimit(text: string): Result<string> {
  const match = /^([0-9]{1,7})\/([a-z]+)$/i.exec(text);
  const unitName = match?.[2]?.toLowerCase() ?? '';
  const unit = UNITS.find(({ full }) => unitName !== '' && isUnit(full, unitName));
  const count = Number(match?.[1]);
  if (match === null || unit === undefined || count === 0) {
    return refuse(`${quote(text)} is not a rate: write N/sec, N/min, N/hour or N/day, such as 6/min, or no`);
  }
  const period = Math.floor(unit.ticks / count);
  if (period === 0) return refuse(`${text} is too fast: the kernel takes 10000/sec at most`);
  if (period * BURST > DAY) return refuse(`${text} is too slow: the kernel takes ${BURST}/day at least`);
  return ok(print(period));
}

function isUnit(full: string, written: string): boolean {
  return full.startsWith(written);
}

/** The largest unit down to which the rate still comes out even enough, as iptables chooses it. */
function print(period: number): string {
  let chosen = DAY;
  let name = 'day';
  for (const unit of UNITS.toReversed().slice(1)) {
    if (period > unit.ticks || Math.floor(unit.ticks / period) < unit.ticks % period) break;
    chosen = unit.ticks;
    name = unit.name;
  }
  return `${Math.floor(chosen / period)}/${name}`;
}

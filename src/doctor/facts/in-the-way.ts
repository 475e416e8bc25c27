import { FAMILIES, type Family } from '../../base/address.js';
import { namedBackend } from '../../firewall/rules/backend.js';
import { parseListing, type ListedRule, type Listing } from '../../firewall/rules/nft-listing.js';
import { isWholeSave } from '../../firewall/rules/saved.js';
import type { Exec } from '../../system/exec.js';
import { findTool } from '../../system/tools.js';
import type { InTheWay } from './facts.js';

const TABLES: readonly string[] = ['filter', 'nat', 'mangle', 'raw', 'security'];
/** So many are named; one that is taken out may uncover another. */
const MAX_NAMED = 10;

/** Names that well-known programs leave in chains, sets and rules, and that only they do. */
const PROGRAMS: readonly (readonly [RegExp, string])[] = [
  [/netbird|\bwt0\b|nb-[0-9a-f]{6}/i, 'NetBird'],
  [/MAILCOW/, 'mailcow (DISABLE_NETFILTER_ISOLATION_RULE=y in mailcow.conf)'],
  [/KUBE-ROUTER|kube-router/, 'kube-router'],
  [/KUBE-/, 'kube-proxy'],
  [/\bts-(?:input|forward|postrouting)\b/, 'Tailscale'],
  [/LIBVIRT_/, 'libvirt'],
  [/NETAVARK/, 'podman (netavark)'],
  [/f2b-/, 'fail2ban'],
  [/crowdsec/i, 'CrowdSec'],
  [/DOCKER/, 'Docker, or a program that works on its chains'],
];

/** Rules of nft that keep iptables-nft-save from showing a table of iptables. Changes nothing; none where it cannot be looked for. */
export async function rulesInTheWay(exec: Exec): Promise<InTheWay[]> {
  const nft = findTool('nft');
  if (nft === undefined) return [];
  const found: InTheWay[] = [];
  for (const family of FAMILIES) {
    try {
      const save = namedBackend('nft', '').tools[family].save;
      for (const table of TABLES) found.push(...(await inTable({ exec, nft, save, family, table })));
    } catch {
      continue; // no iptables-nft, or nft cannot be asked: told as such
    }
  }
  return found.slice(0, MAX_NAMED);
}

interface Where {
  readonly exec: Exec;
  readonly nft: string;
  readonly save: string;
  readonly family: Family;
  readonly table: string;
}

async function inTable(where: Where): Promise<InTheWay[]> {
  const { exec, nft, save, family, table } = where;
  const protocol = family === 4 ? 'ip' : 'ip6';
  const listed = await exec([nft, '-j', '-a', '-t', 'list', 'table', protocol, table]);
  if (listed.exitCode !== 0) return []; // there is none
  const saved = await exec([save, '-t', table]);
  if (saved.exitCode === 0 && isWholeSave(saved.stdout, table)) return [];
  const shown = (await exec([nft, '-a', '-t', 'list', 'table', protocol, table])).stdout;
  const program = programIn(shown);
  const rules = await culprits(where, parseListing(listed.stdout));
  return rules.map(({ chain, handle }) => ({
    ...{ family, table, chain, handle, program },
    text: textOf(shown, handle),
  }));
}

/** Rules that iptables shows neither with their chain nor alone. Of a chain that it shows nothing of, those that it cannot have made. */
async function culprits(where: Where, { chains, rules }: Listing): Promise<readonly ListedRule[]> {
  const found: ListedRule[] = [];
  for (const { name } of chains) {
    const own = rules.filter(({ chain }) => chain === name);
    if (own.length === 0 || (await canShow(where, name))) continue;
    const hidden: ListedRule[] = [];
    for (const rule of own.slice(0, MAX_TRIED))
      if (!(await canShow(where, name, rule.number))) hidden.push(rule);
    // iptables gives each of its rules a counter.
    const native = hidden.filter(({ packets }) => packets === undefined);
    found.push(...(native.length > 0 ? native : hidden));
  }
  return found;
}

/** A process for each rule: of a long chain the first ones are tried. */
const MAX_TRIED = 100;

async function canShow({ exec, save, table }: Where, chain: string, number?: number): Promise<boolean> {
  const words = ['-t', table, '-S', chain, ...(number === undefined ? [] : [String(number)])];
  const { exitCode } = await exec([save.replace(/-save$/, ''), ...words]);
  return exitCode === 0;
}

/** A rule as nft prints it, by its handle. */
function textOf(shown: string, handle: number): string {
  const line = shown.split('\n').find((one) => one.endsWith(`# handle ${handle}`)) ?? '';
  return line.replace(/# handle \d+$/, '').trim();
}

/** The well-known program that a table speaks of. */
function programIn(shown: string): string | undefined {
  return PROGRAMS.find(([pattern]) => pattern.test(shown))?.[1];
}

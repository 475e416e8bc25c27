import { FAMILIES, type Family } from '../../base/address.js';
import { errorText } from '../../base/errors.js';
import { BACKENDS, type BackendName } from '../../firewall/model/backend-name.js';
import { hasLegacyTables, namedBackend } from '../../firewall/rules/backend.js';
import { readNative, type Native } from '../../firewall/exposure/native.js';
import { protocol } from '../../firewall/rules/nft-listing.js';
import { unsavedTable } from '../../firewall/rules/saved.js';
import { parse } from '../../iptables-parser/parse.js';
import { tables } from '../../iptables-parser/query.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import type { Exec } from '../../system/exec.js';
import { findTool } from '../../system/tools.js';
import type { Facts } from './facts.js';
import { rulesInTheWay } from './in-the-way.js';
import { readNft, tablesAtHooks, type NftTable } from './nft-table.js';

/** All rules of this host, and what of them could not be read. */
export type RulesFound = Pick<Facts, 'rules' | 'nftTables' | 'native' | 'unread' | 'inTheWay'>;

/** Reads the rules of both back ends of iptables, and what nft has besides. */
export async function gatherRules(exec: Exec): Promise<RulesFound> {
  const unread: string[] = [];
  const rules = new Map<BackendName, ReadonlyMap<Family, Ruleset>>();
  for (const name of BACKENDS) {
    const families = new Map<Family, Ruleset>();
    for (const family of FAMILIES) {
      const text = await save(exec, name, family, unread);
      if (text !== undefined) families.set(family, text);
    }
    rules.set(name, families);
  }
  const nftTables = await readNftTables(exec, unread);
  const native = await readBaseChains(exec, rules.get('nft'));
  return {
    ...{ rules, nftTables, unread, inTheWay: await rulesInTheWay(exec) },
    ...(native === undefined ? {} : { native }),
  };
}

/** What nft has besides; undefined where it cannot be asked, which is told by then. */
async function readBaseChains(
  exec: Exec,
  saved: ReadonlyMap<Family, Ruleset> = new Map(),
): Promise<Native | undefined> {
  const nft = findTool('nft');
  if (nft === undefined) return undefined;
  const [json, text] = await Promise.all(
    ['-j', '-a'].map(async (form) => exec([nft, form, '-t', 'list', 'ruleset'])),
  );
  if (json?.exitCode !== 0 || text?.exitCode !== 0) return undefined;
  const told = new Set(
    [...saved].flatMap(([family, ruleset]) =>
      tables(ruleset).map(({ name }) => `${protocol(family)} ${name}`),
    ),
  );
  try {
    return readNative(json.stdout, text.stdout, (table) => told.has(table));
  } catch {
    return undefined;
  }
}

async function save(
  exec: Exec,
  name: BackendName,
  family: Family,
  unread: string[],
): Promise<Ruleset | undefined> {
  if (name === 'legacy' && !hasLegacyTables(family)) return undefined;
  const what = `the rules of ${family === 4 ? 'iptables' : 'ip6tables'}-${name}`;
  let tool: string;
  try {
    tool = namedBackend(name, '').tools[family].save;
  } catch {
    return undefined; // not installed: told as a missing tool
  }
  try {
    const { exitCode, stdout, stderr } = await exec([tool]);
    if (exitCode !== 0) throw new Error(stderr.trim());
    return readable(stdout, what, unread);
  } catch (error) {
    unread.push(`${what} could not be read: ${oneLine(errorText(error))}`);
    return undefined;
  }
}

/** Lines that we cannot read are passed over, and told; a save that has none of that is as it stands. */
function readable(text: string, what: string, unread: string[]): Ruleset {
  // iptables-nft-save says so of what nft made, in words of its version, and prints the rest.
  const foreign = unsavedTable(text);
  if (foreign !== undefined) unread.push(`${what} could not all be read: ${foreign}`);
  try {
    return parse(text);
  } catch {
    const isReadable = (line: string): boolean => {
      try {
        parse(`*filter\n${line}\nCOMMIT\n`);
        return true;
      } catch {
        return !line.startsWith('-');
      }
    };
    const lines = text.split('\n');
    const good = lines.filter(isReadable);
    unread.push(`${what} could not all be read; lines passed over: ${lines.length - good.length}`);
    return parse(good.join('\n'));
  }
}

/** Tables that iptables does not show, where they are at a hook of ours. */
async function readNftTables(exec: Exec, unread: string[]): Promise<NftTable[]> {
  const nft = findTool('nft');
  if (nft === undefined) return []; // told as a missing tool
  const list = async (...words: readonly string[]): Promise<ReturnType<typeof readNft>> => {
    const { exitCode, stdout, stderr } = await exec([nft, '-j', 'list', ...words]);
    if (exitCode !== 0) throw new Error(stderr.trim());
    return readNft(stdout);
  };
  const found: NftTable[] = [];
  try {
    for (const { family, name } of tablesAtHooks(await list('chains'))) {
      found.push({ family, name, items: await list('table', family, name) });
    }
  } catch (error) {
    unread.push(`the tables of nft could not be read: ${oneLine(errorText(error))}`);
  }
  return found;
}

function oneLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

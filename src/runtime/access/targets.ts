import { parseNetwork, type Network } from '../../base/address.js';
import { impossibleHere } from '../../base/impossible.js';
import { ok, refuse, type Result } from '../../base/result.js';

/** accept and drop refuse networks that are wider than this without --force (docs/interface.md). */
const WIDEST = { 4: 8, 6: 32 } as const;

/** What was read from the targets of a request. */
export interface Targets {
  readonly networks: readonly Network[];
  /** One reason for each target that cannot be. */
  readonly faults: readonly string[];
  /** True where a target is an address that no packet from elsewhere can have. */
  readonly impossible: boolean;
}

/** Why a verb takes no such address; undefined where it does. */
export function impossibleTarget(network: Network, own: readonly Network[]): string | undefined {
  const fault = impossibleHere(network, own);
  return fault === undefined ? undefined : `${fault}: no packet from elsewhere can have it as its source`;
}

/** Reads literal addresses and networks for accept and drop; equal ones are taken once. */
export function readTargets(texts: readonly string[], force: boolean, own: readonly Network[] = []): Targets {
  const networks = new Map<string, Network>();
  const faults: string[] = [];
  let impossible = false;
  for (const text of texts) {
    const parsed = readTarget(text, force);
    const fault = parsed.ok ? impossibleTarget(parsed.value, own) : parsed.reason;
    if (parsed.ok) impossible ||= fault !== undefined;
    if (fault !== undefined) faults.push(fault);
    else if (parsed.ok) networks.set(parsed.value.text, parsed.value);
  }
  return { networks: [...networks.values()], faults, impossible };
}

function readTarget(text: string, force: boolean): Result<Network> {
  const parsed = parseNetwork(text);
  if (!parsed.ok) return parsed;
  const { family, prefix } = parsed.value;
  if (prefix === 0)
    return refuse(
      `${parsed.value.text} is every address; ipset takes no /0: use two /1 networks with --force`,
    );
  if (prefix < WIDEST[family] && !force) {
    return refuse(`${parsed.value.text} is wider than /${WIDEST[family]}; add --force if you mean it`);
  }
  return ok(parsed.value);
}

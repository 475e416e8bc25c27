import { parseNetwork, type Network } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';

/** accept and drop refuse networks that are wider than this without --force (interface.md). */
const WIDEST = { 4: 8, 6: 32 } as const;

/** What was read from the targets of a request. */
export interface Targets {
  readonly networks: readonly Network[];
  /** One reason for each target that cannot be. */
  readonly faults: readonly string[];
}

/** Reads literal addresses and networks for accept and drop; equal ones are taken once. */
export function readTargets(texts: readonly string[], force: boolean): Targets {
  const networks = new Map<string, Network>();
  const faults: string[] = [];
  for (const text of texts) {
    const parsed = readTarget(text, force);
    if (parsed.ok) networks.set(parsed.value.text, parsed.value);
    else faults.push(parsed.reason);
  }
  return { networks: [...networks.values()], faults };
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

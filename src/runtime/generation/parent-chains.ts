import { EXIT } from '../../base/errors.js';
import { KnockError } from '../../base/errors.js';
import { isMadeLater } from '../../firewall/rules/made-later.js';
import type { MissingParentChain } from '../../firewall/rules/plan.js';

/** What an administrator must know of chains that jumps of ours wait for, a line for each service and chain. */
export function missingChainNotes(awaited: readonly MissingParentChain[]): string[] {
  const byText = new Map<string, string[]>();
  for (const { service, chain, family } of awaited) {
    const text = `there is no chain ${chain}: service ${service} is not protected before somebody makes it (Docker makes DOCKER-USER)`;
    byText.set(text, [...(byText.get(text) ?? []), `IPv${family}`]);
  }
  return [...byText].map(([text, families]) => `${families.join(' and ')}: ${text}`);
}

/** Refuses a configuration whose service would go into a chain that is not there, and that no program is known to make. */
export function refuseMissing(awaited: readonly MissingParentChain[]): void {
  const missing = awaited.filter(({ chain }) => !isMadeLater(chain));
  const [first] = missing;
  if (first === undefined) return;
  const { service, chain } = first;
  const families = missing.filter((one) => one.chain === chain && one.service === service);
  const where = families.map(({ family }) => `IPv${family}`).join(' and ');
  throw new KnockError(`there is no chain ${chain} (${where}): service ${service} would not be protected`, {
    exitCode: EXIT.config,
    hint: `fix chain in [service.${service}], or make that chain first (iptables -N ${chain}) and a rule that leads to it`,
  });
}

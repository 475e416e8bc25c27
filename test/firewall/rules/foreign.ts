import type { BackendName } from '../../../src/firewall/model/backend-name.js';
import type { Firewall } from '../../../src/firewall/firewall.js';
import type { KernelSpace } from '../../helpers/kernel-space.js';

export const FAMILIES = [4, 6] as const;

/** True where all that should be in force is. */
export async function allInForce(firewall: Firewall): Promise<boolean> {
  return (await firewall.ruleStatus()).every((one) => one.chains && one.jump);
}

/** Rules of others, in both families, and what the saves look like with them. */
export async function withForeign(
  space: KernelSpace,
  backend: BackendName,
): Promise<() => Promise<string[]>> {
  for (const family of FAMILIES) {
    const add = async (words: string): Promise<string> => space.iptables(backend, family, words);
    await add('-N f2b-sshd');
    await add('-A f2b-sshd -j RETURN');
    await add('-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd');
    await add('-A INPUT -m comment --comment knockctl:sshd -j ACCEPT');
    await add('-A FORWARD -j DROP');
  }
  return async () => Promise.all(FAMILIES.map(async (family) => space.save(backend, family)));
}

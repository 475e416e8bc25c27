import type { Family } from '../base/address.js';

/** A protected service, as far as its rules need it. */
export interface Service {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly ports: readonly number[];
  /** Protect only these destinations; empty: all. */
  readonly addresses: readonly string[];
  /** The chain that the jump goes into. */
  readonly chain: string;
  readonly onFailure: 'restore' | 'flush' | 'hold';
}

/** What holds for the rules of all services. */
export interface RuleSettings {
  readonly families: readonly Family[];
  readonly hook: 'first' | 'last';
  /** The limit of the drop log, or undefined for none. */
  readonly log: string | undefined;
}

/** The service that a verb means: the named one; without a name `ssh`, else the first. */
export function chosenService<S extends { readonly name: string }>(
  services: readonly S[],
  name: string | undefined,
): S | undefined {
  const found = services.find((one) => one.name === (name ?? 'ssh'));
  return found ?? (name === undefined ? services[0] : undefined);
}

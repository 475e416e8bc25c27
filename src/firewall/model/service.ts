/** What the rules need to know of a protected service. */
export interface Service {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly ports: readonly number[];
  /** Protects only these destination addresses; empty: all. */
  readonly addresses: readonly string[];
  /** The chain that holds the jump. */
  readonly chain: string;
  readonly onFailure: 'restore' | 'flush' | 'hold';
  /** `strict`: a second gate in table mangle precedes all rules of table filter (gate.ts); default: normal. */
  readonly gate?: 'normal' | 'strict';
  /**
   * What happens to TCP packets that neither open a connection nor belong to one: handled like a SYN, or passed on as
   * without knockctl.
   */
  readonly strays?: 'drop' | 'pass';
}

/** Chains for forwarded packets, never for packets to this host itself. */
const FOR_OTHERS: readonly string[] = ['FORWARD', 'DOCKER-USER'];

/** Whether the service runs behind this host (forwarded): no session with the host itself passes its chain. */
export function isForOthers({ chain }: Pick<Service, 'chain'>): boolean {
  return FOR_OTHERS.includes(chain);
}

/** Returns the service that a verb acts on: the named one; without a name `ssh`, or else the first. */
export function chosenService<S extends { readonly name: string }>(
  services: readonly S[],
  name: string | undefined,
): S | undefined {
  const found = services.find((one) => one.name === (name ?? 'ssh'));
  return found ?? (name === undefined ? services[0] : undefined);
}

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
  /** `strict`: a second gate stands in front of all rules of the table filter (gate.ts); normal where it is not said. */
  readonly gate?: 'normal' | 'strict';
  /** TCP packets that begin no connection and belong to none: refused like a SYN, or passed on as if we were not there. */
  readonly strays?: 'drop' | 'pass';
}

/** Chains whose packets are for others, never for this host itself. */
const FOR_OTHERS: readonly string[] = ['FORWARD', 'DOCKER-USER'];

/** Whether a service stands behind this host: no session with the host itself goes through its chain. */
export function isForOthers({ chain }: Pick<Service, 'chain'>): boolean {
  return FOR_OTHERS.includes(chain);
}

/** The service that a verb means: the named one; without a name `ssh`, else the first. */
export function chosenService<S extends { readonly name: string }>(
  services: readonly S[],
  name: string | undefined,
): S | undefined {
  const found = services.find((one) => one.name === (name ?? 'ssh'));
  return found ?? (name === undefined ? services[0] : undefined);
}

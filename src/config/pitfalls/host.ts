import type { Protocol } from '../../knock/door.js';
import type { PortLookUp } from '../shadow.js';

/** What can be found out about this host without root. */
export interface HostFacts {
  /** Ports at which somebody listens, to be reached from elsewhere. */
  readonly listening: readonly { readonly protocol: Protocol; readonly port: number }[];
  /** Literal addresses of this host; empty: not known. */
  readonly addresses: readonly string[];
  readonly portNames: PortLookUp;
  /** Whether there is such a program, by its path or in the PATH of doors' lines; `unknown` where that cannot be looked at. */
  readonly program: (name: string) => 'there' | 'absent' | 'unknown';
  readonly hasUser: (name: string) => boolean;
  readonly hasFolder: (path: string) => boolean;
}

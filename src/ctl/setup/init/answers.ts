import { randomInt } from 'node:crypto';

import type { ServiceSettings } from '../../../config/settings.js';

/** What a new set-up is to be. */
export interface Answers {
  /** The name of the service: it becomes part of the names of chains and sets. */
  readonly service: string;
  readonly port: number;
  /** True where sshd listens at it, as far as we know. */
  readonly isSsh: boolean;
  /** Ports to knock at by TCP, in their order. */
  readonly sequence: readonly number[];
  /** How this host is reached by whoever knocks. */
  readonly host: string;
  /** Addresses, networks and host names that need no knock. */
  readonly trusted: readonly string[];
  readonly onFailure: ServiceSettings['onFailure'];
  /** strict: only who is trusted or accepted gets in, whatever rules of the host say. */
  readonly gate: ServiceSettings['gate'];
}

/** Of so many ports there are 9·10^17 sequences that no scan in order meets; a client sends them in no time. */
const STEPS = 4;
/** Ports that need no privilege, and that Linux gives to nobody by itself (ip_local_port_range begins at 32768). */
const FIRST = 1_024;
const LAST = 32_767;

/** A sequence that nobody can guess, of ports that nobody listens at; and that no scan meets which goes up or down. */
export function randomSequence(isTaken: (port: number) => boolean): number[] {
  for (;;) {
    const ports = new Set<number>();
    while (ports.size < STEPS) {
      const port = randomInt(FIRST, LAST + 1);
      if (!isTaken(port)) ports.add(port);
    }
    const sequence = [...ports];
    if (!isInOrder(sequence)) return sequence;
  }
}

/** What speaks against a sequence that somebody has chosen, without being wrong. */
export function sequenceWarnings(
  sequence: readonly number[],
  isTaken: (port: number) => boolean,
): readonly string[] {
  const taken = [...new Set(sequence)].filter(isTaken);
  return [
    ...(isInOrder(sequence)
      ? ['these ports go up, or down, all the way: a scan of all ports in order opens the door']
      : []),
    ...(taken.length === 0
      ? []
      : [
          `somebody listens at ${taken.join(' and ')}: whoever connects there makes a step of the knock, and each knock connects`,
        ]),
  ];
}

/** The line for the client. */
export function clientLine({
  sequence,
  port,
  isSsh,
  host,
}: Pick<Answers, 'sequence' | 'port' | 'isSsh' | 'host'>): string {
  const then = isSsh ? ` --then ssh ${port === 22 ? '' : `-p ${port} `}${host}` : '';
  return `knock ${host} ${sequence.join(' ')}${then}`;
}

function isInOrder(sequence: readonly number[]): boolean {
  const ups = sequence.filter((port, at) => port > (sequence[at - 1] ?? Infinity)).length;
  const downs = sequence.filter((port, at) => port < (sequence[at - 1] ?? -Infinity)).length;
  return Math.max(ups, downs) === sequence.length - 1;
}

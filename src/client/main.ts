import type { Family } from '../base/address.js';
import { EXIT, errorText, type ExitCode } from '../base/errors.js';
import { parseArguments, type Knock, type KnockPlan } from './arguments.js';
import type { Target } from './send.js';

/** What the client needs of the world; system.ts has the real one. */
export interface KnockIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly version: () => string;
  /** The text of /etc/services. */
  readonly services: () => string;
  /** The address to knock at; rejects where the host has none of the family. */
  readonly resolve: (host: string, family: Family | undefined) => Promise<string>;
  readonly send: (target: Target) => Promise<void>;
  readonly sleep: (ms: number) => Promise<void>;
}

const USAGE = `usage: knock [options] HOST PORT[:PROTO] [PORT[:PROTO]]...
Sends a knock sequence: one packet to each port, in the order given. PROTO is tcp (the default) or udp.

  -u, --udp         knock at every port by UDP
  -d, --delay MS    wait so many milliseconds after each knock
  -4, --ipv4        use IPv4 only
  -6, --ipv6        use IPv6 only
  -v, --verbose     say what is sent
  -V, --version     print the version
  -h, --help        print this

example: knock gate.example.org 7000 8000:udp 9000
`;

/** The kernel's refusals that a user can do something about. */
const REMEDY: Readonly<Record<string, string>> = {
  EPERM: 'a firewall on this machine forbids it; allow this packet out',
  EACCES: 'a route or a policy of this machine prohibits it, or the address is a broadcast address',
  ENETUNREACH: 'this machine has no route to it; check the network connection, or try -4 or -6',
  EHOSTUNREACH: 'the host cannot be reached; check the network connection and the address',
  EADDRNOTAVAIL: 'this machine has no address to send it from; try -4 or -6',
  EINVAL: 'the address needs a zone, such as fe80::1%eth0',
};

const UNRESOLVED: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name, or it has no address of this family',
  EAI_AGAIN: 'the name server gives no answer; check the network connection',
};

/**
 * The client `knock`: `argv` are the words after its name. Resolves with the exit code and never
 * rejects on account of the user's words or the network. A knock that cannot be sent is reported, and
 * the others still go out: the sequence is lost either way, but a server that waits half-way through it would take
 * the first knock of the next try for a wrong one.
 */
export async function run(argv: readonly string[], io: KnockIo): Promise<ExitCode> {
  const request = parseArguments(argv, io.services);
  if (!request.ok) {
    io.err(`error: ${request.reason}\n`);
    return EXIT.refused;
  }
  switch (request.value.kind) {
    case 'version':
      io.out(`knock ${io.version()} (knockctl)\n`);
      return EXIT.ok;
    case 'usage':
      if (request.value.problem !== undefined) io.err(`error: ${request.value.problem}\n`);
      io.out(USAGE);
      return EXIT.refused;
    case 'knock':
      return carryOut(request.value.plan, io);
  }
}

async function carryOut(plan: KnockPlan, io: KnockIo): Promise<ExitCode> {
  let address: string;
  try {
    address = await io.resolve(plan.host, plan.family);
  } catch (error) {
    const port = plan.knocks[0]?.portText ?? '';
    io.err(`Failed to resolve hostname '${plan.host}' on port ${port}\n${why(error, UNRESOLVED)}\n`);
    return EXIT.refused;
  }
  let exitCode: ExitCode = EXIT.ok;
  for (const knock of plan.knocks) {
    if (plan.verbose) io.out(`hitting ${label(knock, address)}\n`);
    try {
      await io.send({ address, protocol: knock.protocol, port: knock.port });
    } catch (error) {
      io.err(`error: ${label(knock, address)} was not sent: ${why(error, REMEDY)}\n`);
      exitCode = EXIT.refused;
    }
    if (plan.delayMs > 0) await io.sleep(plan.delayMs);
  }
  return exitCode;
}

function label(knock: Knock, address: string): string {
  return `${knock.protocol} ${address}:${knock.portText}`;
}

function why(error: unknown, known: Readonly<Record<string, string>>): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const advice = known[code];
  return advice === undefined ? errorText(error) : `${code}: ${advice}`;
}

import { errorText } from '../base/errors.js';

/** What a user can do about an error, by its code. */
type Remedies = Readonly<Record<string, string>>;

/** Errors of sending. */
export const NOT_SENT: Remedies = {
  EPERM: 'a firewall on this machine forbids it; allow this packet out',
  EACCES: 'a route or a policy of this machine prohibits it, or the address is a broadcast address',
  ENETUNREACH: 'this machine has no route to it; check the network connection, or try -4 or -6',
  EHOSTUNREACH: 'the host cannot be reached; check the network connection and the address',
  EADDRNOTAVAIL: 'this machine has no address to send it from; try -4 or -6',
  EAFNOSUPPORT: 'this machine does not have this family of addresses; try -4 or -6',
  EINVAL: 'the address needs a zone, such as fe80::1%eth0',
};

/** The errors of NOT_SENT that concern the whole family, whatever the port. */
export const NO_ROUTE: readonly string[] = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'];

export const UNRESOLVED: Remedies = {
  ENOTFOUND: 'there is no such name, or it has no address of this family',
  EAI_AGAIN: 'the name server gives no answer; check the network connection',
};

export const NOT_RUN: Remedies = {
  ENOENT: 'there is no such program, or not the interpreter that its first line names',
  EACCES: 'it may not be executed; check its mode',
};

/** Returns the code of a system error, or the empty string. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Returns the error's code with its remedy, or its own text if no remedy is known. */
export function explain(error: unknown, remedies: Remedies): string {
  return remedies[errorCode(error)] ?? errorText(error);
}

import { EXIT, KnockError, type CommandError } from '../../base/errors.js';

/** A list is full. */
class ListFull extends KnockError {
  override readonly name = 'ListFull';
}

/** Turns common failures of ipset into errors with a hint. */
export function explain(error: CommandError): KnockError {
  const { stderr } = error.failure;
  const because = (message: string, hint: string): KnockError =>
    new KnockError(message, { exitCode: EXIT.firewall, hint, cause: error });
  if (/hash is full/i.test(stderr)) {
    const set = /\b\S+_(?:banned|decoyed|filter|granted|trusted)[46]\b/.exec(
      `${error.message} ${error.failure.input ?? ''}`,
    )?.[0];
    return new ListFull(`the list is full (${set ?? 'set'}); not everything was added`, {
      exitCode: EXIT.firewall,
      hint: 'knockctl list shows what can be flushed',
      cause: error,
    });
  }
  if (/operation not permitted|permission denied/i.test(stderr)) {
    return because(
      'no permission to change the sets of the kernel (CAP_NET_ADMIN is missing)',
      'run as root; in a container, give it --cap-add NET_ADMIN',
    );
  }
  if (/the set with the given name does not exist/i.test(stderr)) {
    return because(
      'the sets of this service do not exist (without a supervisor: knockctl is not set up)',
      'knockctl start, or knockctl setup',
    );
  }
  return error;
}

/** True if a list is full. */
export function isFull(error: unknown): boolean {
  return error instanceof ListFull;
}

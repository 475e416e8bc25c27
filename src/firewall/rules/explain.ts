import { EXIT, KnockError, type CommandError } from '../../base/errors.js';

/** What the usual failures of iptables mean to an administrator. */
export function explain(error: CommandError): KnockError {
  const { stderr } = error.failure;
  if (/xtables lock/i.test(stderr)) {
    return new KnockError('another program holds the xtables lock', {
      exitCode: EXIT.busy,
      hint: 'nothing was changed; try again in a moment (who holds it: fuser -v /run/xtables.lock)',
      cause: error,
    });
  }
  if (/can't initialize ip6tables|address family not supported/i.test(stderr)) {
    return new KnockError('this kernel has no IPv6 firewall', {
      exitCode: EXIT.firewall,
      hint: 'where IPv6 is switched off, set families = ipv4 in [firewall]',
      cause: error,
    });
  }
  if (/can't open socket to ipset/i.test(stderr)) {
    return new KnockError('iptables may not ask the kernel for its sets (CAP_NET_RAW is missing)', {
      exitCode: EXIT.firewall,
      hint: 'run as root; in a container, give it --cap-add NET_RAW',
      cause: error,
    });
  }
  if (/permission denied|must be root|operation not permitted/i.test(stderr)) {
    return new KnockError('the kernel does not let us change the firewall (CAP_NET_ADMIN is missing)', {
      exitCode: EXIT.firewall,
      hint: 'run as root; in a container, give it --cap-add NET_ADMIN',
      cause: error,
    });
  }
  return error;
}

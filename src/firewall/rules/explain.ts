import { EXIT, KnockError, type CommandError } from '../../base/errors.js';

/** Turns common failures of iptables into errors with a hint. */
export function explain(error: CommandError): KnockError {
  const { stderr } = error.failure;
  if (/xtables lock/i.test(stderr)) {
    return new KnockError('another program holds the xtables lock', {
      exitCode: EXIT.busy,
      hint: 'nothing was changed; try again in a moment (fuser -v /run/xtables.lock shows the holder)',
      cause: error,
    });
  }
  if (/can't initialize ip6tables|address family not supported/i.test(stderr)) {
    return new KnockError('this kernel has no IPv6 firewall', {
      exitCode: EXIT.firewall,
      hint: 'if IPv6 is disabled on this host, set families = ipv4 in [firewall]',
      cause: error,
    });
  }
  if (/can't open socket to ipset/i.test(stderr)) {
    return new KnockError('iptables has no permission to look up sets (CAP_NET_RAW is missing)', {
      exitCode: EXIT.firewall,
      hint: 'run as root; in a container, give it --cap-add NET_RAW',
      cause: error,
    });
  }
  if (/permission denied|must be root|operation not permitted/i.test(stderr)) {
    return new KnockError('no permission to change the firewall (CAP_NET_ADMIN is missing)', {
      exitCode: EXIT.firewall,
      hint: 'run as root; in a container, give it --cap-add NET_ADMIN',
      cause: error,
    });
  }
  return error;
}

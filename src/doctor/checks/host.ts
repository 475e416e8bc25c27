/** The host around us: what we need, and what others do there. */
import type { Finding } from '../../wire/reports.js';
import type { Facts } from '../facts/facts.js';

/** A packet that takes longer to the capture than this was held back. */
const LATE_MS = 300;

export function tools({ missingTools, ipsetProblem }: Facts): Finding[] {
  const findings: Finding[] = missingTools.map((name) => ({
    level: name === 'nft' ? 'note' : 'danger',
    text: `${name} is not installed`,
    effect:
      name === 'nft'
        ? 'changes of our rules by others are seen at the next heartbeat, not at once'
        : 'knockctl cannot start',
    fix: `apt-get install ${PACKAGES[name] ?? name}`,
  }));
  if (ipsetProblem !== undefined) {
    findings.push({
      level: 'danger',
      text: `the kernel’s sets cannot be used: ${ipsetProblem}`,
      effect: 'knockctl cannot start',
      fix: 'modprobe ip_set; in a container: --cap-add NET_ADMIN',
    });
  }
  return findings;
}

const PACKAGES: Readonly<Record<string, string>> = {
  nft: 'nftables',
  ip6tables: 'iptables',
  setpriv: 'util-linux',
  flock: 'util-linux',
  stdbuf: 'coreutils',
};

export function capture({ probe }: Facts): Finding[] {
  if (!probe.heard) {
    return [
      {
        level: 'danger',
        text: `the capture does not work: ${probe.why}`,
        effect: 'no knock would be heard, and knockctl does not shut a port that it cannot open',
        fix: captureMend(probe),
      },
    ];
  }
  const ms = Math.round(probe.afterMs);
  if (probe.afterMs < LATE_MS) return [{ level: 'good', text: `the capture hears, after ${ms} ms` }];
  return [
    {
      level: 'warning',
      text: `the capture hears packets ${ms} ms late`,
      effect: 'doors open late: the machine is very busy, or its libpcap holds packets back',
      fix: 'uptime shows the load; libpcap 1.5 or newer',
    },
  ];
}

function captureMend({ why, isModule }: { readonly why: string; readonly isModule?: boolean }): string {
  if (isModule !== true) return 'run as root; in a container: --cap-add NET_RAW';
  if (why.includes('libpcap')) return 'apt-get install libpcap0.8';
  return `npm rebuild cap in the folder of knockctl; or install the package of knockctl that was made for Node ${process.version}`;
}

/** Rules that nobody could look at may do anything. */
export function unread({ unread: problems }: Facts): Finding[] {
  return problems.map((text) => ({
    level: 'note',
    text,
    effect: 'what they do to a port of ours was not looked at',
  }));
}

/** Somebody else who hears the same knocks. */
export function otherKnockd({ knockds }: Facts): Finding[] {
  if (knockds.length === 0) return [];
  return [
    {
      level: 'warning',
      text: `another knockd is running (pid ${knockds.join(', ')})`,
      effect: 'both hear the same knocks, and both carry out the commands of doors that both know',
      fix: 'systemctl disable --now knockd',
    },
  ];
}

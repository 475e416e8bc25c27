import type { Decision } from './decide.js';
import type { OptionLine } from './document.js';

/** One remark on the import: `line` counts from 1; 0 is for what concerns the set-up as a whole. */
export interface Note {
  readonly line: number;
  /** Understood and taken over; left as it was; or what the administrator must know or do. */
  readonly kind: 'understood' | 'left' | 'advice';
  readonly text: string;
}

/** What becomes of a line of `[options]`: knockctl reads them where they stand. */
export function describeOption({ number, text }: OptionLine): Note {
  return { line: number, kind: 'understood', text: `${text}: stays, knockctl honours it` };
}

/** What differs from knockd, and what is left to the administrator. */
export function advise(decision: Decision, hasInterface: boolean): readonly string[] {
  const { changes, left, services, families } = decision;
  const opening = changes.filter(({ rule }) => rule.adds && rule.verdict === 'ACCEPT');
  const closing = changes.some(({ rule }) => !rule.adds);
  const banning = changes.some(({ rule }) => rule.verdict === 'DROP');
  const advice = [
    'stop knockd for good before knockctl starts (systemctl disable --now knockd): both would answer the same knocks',
  ];
  if (!hasInterface) {
    advice.push('knocks are heard on every interface; knockd without Interface hears those on eth0 only');
  }
  if (services.isEmpty) {
    advice.push('no service: knockctl runs your doors’ commands as knockd does, and has no rules of its own');
    return advice;
  }
  const ports = services.all.map(([name, { protocol, port }]) => `${name} (${protocol} ${port})`).join(', ');
  advice.push(
    `knockctl itself shuts what it protects, ${ports}, for all who have not knocked and are not trusted: ` +
      'its jump is the first rule of the chain. Rules of yours that accept these ports, for everybody or for a network, ' +
      'are not reached any more while it runs: put such networks into /etc/knockctl/knockd.trusted',
    'your own base rules stay, -P INPUT DROP and the rule that accepts ESTABLISHED,RELATED: when knockctl is lost ' +
      '(on_failure = restore) new connections meet them, as they did with a dead knockd',
  );
  if (opening.some(({ rule }) => !rule.newOnly)) {
    advice.push(
      'your doors’ rules let whole connections through, knockctl lets them begin: with -P INPUT DROP you need ' +
        'iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT, if you have no such rule yet',
    );
  }
  if (opening.length > 0) {
    advice.push(
      'doors close by the time-out of an entry in the kernel, with no command run; a second knock starts the time anew',
      'rules that knockd has added until now stay until they are deleted: look with iptables -S',
    );
  }
  if (closing) {
    advice.push('knockctl flush takes an address out of all services at once, and lifts a ban of it as well');
  }
  if (banning) {
    advice.push(
      'knockctl drop bans from the services, not from the whole host, and never bans a trusted address',
    );
  }
  if (families.length === 1) {
    advice.push(
      `IPv${families[0] === 4 ? 6 : 4} stays as it is, since your doors open IPv${families.join()} only; ` +
        'take the families line out of knockctl.conf to have both protected and opened',
    );
  }
  if (left.some(({ isRun }) => isRun)) {
    advice.push(
      'see that no command that was left opens a port of a service by a rule behind the first of its chain (scripts, ufw, nft): ' +
        'have it run knockctl accept instead',
    );
  }
  return advice;
}

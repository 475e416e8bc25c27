import { KEYS } from '../knockctl/schema.js';
import type { Decision } from './decide.js';
import type { OptionLine } from './document.js';

/** Seconds that a door lets in for where the original had no time-out. */
export const USUAL_S = KEYS.acceptTimeout.fallback;

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

/** What differs from knockd, and what is left to the administrator: each once, however many doors it is about. */
export function advise(decision: Decision, hasInterface: boolean): readonly string[] {
  const { changes, left, services, families } = decision;
  const closing = changes.some(({ rule }) => !rule.adds);
  const banning = changes.some(({ rule }) => rule.verdict === 'DROP');
  const advice = [
    'stop knockd before knockctl starts (systemctl disable --now knockd): both would answer the same knocks',
  ];
  if (!hasInterface) {
    advice.push('knocks are heard on every interface; knockd without Interface hears those on eth0 only');
  }
  if (services.isEmpty) {
    advice.push('no service: knockctl runs your doors’ commands as knockd does, and has no rules of its own');
    return advice;
  }
  const ports = services.all
    .map(([name, { protocol, ports: all }]) => `${name} (${protocol} ${all.join(', ')})`)
    .join(', ');
  advice.push(
    `knockctl shuts ${ports} for all who have not knocked and are not trusted, in front of your own rules: ` +
      'networks that these let in go into /etc/knockctl/knockd.trusted',
    'keep your base rules, such as -P INPUT DROP with ESTABLISHED,RELATED accepted: if knockctl is lost, new connections meet them ' +
      '(on_failure = restore)',
  );
  advice.push(...aboutOpening(changes));
  if (closing) {
    advice.push('knockctl flush takes an address out of what knocks have opened, of all services at once');
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

function aboutOpening(changes: Decision['changes']): readonly string[] {
  const opening = changes.filter(({ rule }) => rule.adds && rule.verdict === 'ACCEPT');
  const advice: string[] = [];
  if (opening.some(({ rule }) => !rule.newOnly)) {
    advice.push(
      'your doors’ rules let whole connections through, knockctl lets them begin: with -P INPUT DROP you need ' +
        'iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT, if you have no such rule yet',
    );
  }
  if (opening.length > 0) {
    advice.push(
      'doors close by the time-out of an entry in the kernel, with no command run; a second knock starts the time anew, ' +
        'and what is connected when it ends stays connected',
      'rules that knockd has added until now stay until they are deleted: look with iptables -S',
    );
  }
  if (opening.some(({ rule, stop }) => stop === undefined && rule.timeoutS === undefined)) {
    advice.push(
      `where your line had no time-out, the door now closes after ${USUAL_S} s; --timeout 0 would let in for ever, as it did`,
    );
  }
  if (changes.some(({ rule }) => rule.set !== undefined)) {
    advice.push(
      'the sets of nft and ipset are not filled any more. A table of nft that drops by policy needs a rule that accepts the port ' +
        'for everybody (knockctl refuses before it): knockctl doctor says so',
    );
  }
  return advice;
}

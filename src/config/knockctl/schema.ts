import { MAX_TIMEOUT_S } from '../../base/limits.js';
import type { Result } from '../../base/result.js';
import { OWN_USER } from '../../system/privileges.js';

import { parseCron } from './cron.js';
import { parseLimit } from './limit.js';
import {
  ADDRESSES,
  CHAIN,
  FAMILY_LIST,
  INTERFACES,
  PORTS,
  TEXT,
  USER,
  YES_NO,
  absolutePath,
  choice,
  integer,
  optional,
  type ValueType,
} from '../values.js';

export type SectionName = 'paths' | 'listener' | 'firewall' | 'failsafe' | 'health' | 'log' | 'service';

/** One key of knockctl.conf: all that is known of it, for the reader, its messages and the manual. */
export interface Key<T> {
  readonly section: SectionName;
  readonly name: string;
  /** Ends the sentence "this must be …". */
  readonly expects: string;
  /** The default as it would stand in the file. */
  readonly defaultText: string;
  /** The default's value. */
  readonly fallback: T;
  /** What the key is for, in one line. */
  readonly meaning: string;
  readonly parse: (text: string) => Result<T>;
}

function key<T>(
  section: SectionName,
  name: string,
  type: ValueType<T>,
  defaultText: string,
  meaning: string,
): Key<T> {
  const parsed = type.parse(defaultText);
  if (!parsed.ok) throw new Error(`the default of ${section}.${name} is wrong: ${parsed.reason}`);
  return { section, name, ...type, defaultText, fallback: parsed.value, meaning };
}

const PATH = absolutePath();
/** The control socket's path is this and a name; 107 bytes is all that it may have (unix(7)). */
const RUN_PATH = absolutePath(85);
const CRON: ValueType<string> = { expects: 'a cron expression of 5 or 6 fields', parse: parseCron };
const LIMIT: ValueType<string> = { expects: 'a rate such as 6/min', parse: parseLimit };
const LIMIT_OR_NO: ValueType<string | undefined> = {
  expects: `${LIMIT.expects}, or no`,
  parse: (text) => (text === 'no' ? { ok: true, value: undefined } : LIMIT.parse(text)),
};

/** Every key of knockctl.conf; there is no other list. */
export const KEYS = {
  doors: key('paths', 'doors', PATH, '/etc/knockctl/knockd.conf', 'the doors, in the grammar of knockd.conf'),
  trusted: key('paths', 'trusted', PATH, '/etc/knockctl/knockd.trusted', 'who gets in without a knock'),
  rules: key('paths', 'rules', PATH, '/etc/knockctl/rules', 'rule templates that replace those shipped'),
  run: key('paths', 'run', RUN_PATH, '/run/knockctl', 'control socket, lock and pid file'),
  state: key('paths', 'state', PATH, '/var/lib/knockctl', 'what must outlive a reboot'),

  interface: key(
    'listener',
    'interface',
    INTERFACES,
    'any',
    'where knocks are heard; absent ones are waited for',
  ),
  knockFamilies: key(
    'listener',
    'families',
    FAMILY_LIST,
    'ipv4, ipv6',
    'the address families whose knocks are heard',
  ),
  user: key(
    'listener',
    'user',
    USER,
    OWN_USER,
    'whom the listener runs as; where there is no _knockctl, nobody does, with a warning',
  ),
  duplicates: key(
    'listener',
    'duplicates',
    choice('strict', 'tolerate'),
    'strict',
    'a retransmitted copy of the packet just counted ends the attempt, or is ignored',
  ),
  repeat: key(
    'listener',
    'repeat',
    choice('each', 'extend'),
    'each',
    'a knock at an open door has a start and stop of its own, or puts its stop off',
  ),

  families: key('firewall', 'families', FAMILY_LIST, 'ipv4, ipv6', 'the address families that are protected'),
  backend: key('firewall', 'backend', choice('auto', 'nft', 'legacy'), 'auto', 'which iptables is used'),
  hook: key(
    'firewall',
    'hook',
    choice('first', 'last'),
    'first',
    'where the jump goes in the chain of a service',
  ),
  gate: key(
    'firewall',
    'gate',
    choice('normal', 'strict'),
    'normal',
    'strict: no rule of yours in the table filter opens a protected port, not even for some sources',
  ),
  logLimit: key('firewall', 'log', LIMIT_OR_NO, '6/min', 'limit of the drop log, or no for none'),
  doorSources: key(
    'firewall',
    'door_sources',
    integer(1_024, 16_777_216),
    '1048576',
    'sources that each door in the kernel has room for at once',
  ),

  heartbeat: key(
    'failsafe',
    'heartbeat',
    integer(1, 3_600),
    '5',
    'seconds between two feedings of the switch',
  ),
  switchTimeout: key(
    'failsafe',
    'switch_timeout',
    integer(2, MAX_TIMEOUT_S),
    '30',
    'seconds without being fed after which the kernel trips',
  ),
  listenerTimeout: key(
    'failsafe',
    'listener_timeout',
    integer(2, MAX_TIMEOUT_S),
    '10',
    'seconds after which a silent or deaf listener is killed',
  ),
  maxRestarts: key('failsafe', 'max_restarts', integer(0, 1_000), '5', 'restarts in 60 s before tripping'),
  rescueCommand: key(
    'failsafe',
    'rescue_command',
    optional(TEXT),
    '',
    'a shell line run when more restarts than that were in vain; once, until the service was armed again',
  ),

  allowLockout: key(
    'failsafe',
    'allow_lockout',
    YES_NO,
    'no',
    'start and reload take a service too that nobody can get into',
  ),

  schedule: key(
    'health',
    'schedule',
    CRON,
    '* * * * *',
    'when the supervisor checks all, by local time: rules, sets, the trusted; rarer than a minute is not advised',
  ),
  resolve: key(
    'health',
    'resolve',
    CRON,
    '*/10 * * * *',
    'when trusted host names are looked up again, by local time',
  ),

  logLevel: key('log', 'level', choice('error', 'warn', 'info', 'debug'), 'info', 'the least that is logged'),
  logFile: key('log', 'file', optional(PATH), '', 'a file for the log; empty for none'),
  syslog: key('log', 'syslog', YES_NO, 'no', 'log to syslog, facility daemon'),
  json: key('log', 'json', YES_NO, 'no', 'log lines as JSON'),
  lookup: key('log', 'lookup', YES_NO, 'no', 'the host name of a source behind its address'),

  protocol: key('service', 'protocol', choice('tcp', 'udp'), 'tcp', 'the protocol that is protected'),
  ports: key('service', 'ports', PORTS, '22', 'the ports that are protected, 15 at most'),
  address: key(
    'service',
    'address',
    ADDRESSES,
    '',
    'protect only this destination, one a family; empty for all',
  ),
  chain: key('service', 'chain', CHAIN, 'INPUT', 'the chain that the jump goes into'),
  serviceGate: key(
    'service',
    'gate',
    optional(choice('normal', 'strict')),
    '',
    'normal or strict; empty: what [firewall] says',
  ),
  acceptTimeout: key(
    'service',
    'accept_timeout',
    integer(0, MAX_TIMEOUT_S),
    '300',
    'seconds an accepted address may connect; 0 for ever',
  ),
  banTimeout: key(
    'service',
    'ban_timeout',
    integer(0, MAX_TIMEOUT_S),
    '0',
    'seconds an address that was banned by hand is kept out; 0 until flushed',
  ),
  decoyTimeout: key(
    'service',
    'decoy_timeout',
    integer(1, MAX_TIMEOUT_S),
    '3600',
    'seconds an address that a door bans is kept out; never for ever, for its packets can be forged',
  ),
  decoys: key(
    'service',
    'decoys',
    choice('keep', 'until_knock'),
    'keep',
    'a knock does not help whom a door has banned, or lifts that ban',
  ),
  onFailure: key(
    'service',
    'on_failure',
    choice('restore', 'flush', 'hold'),
    'restore',
    'what new connections meet when knockctl is lost',
  ),
  strays: key(
    'service',
    'strays',
    choice('drop', 'pass'),
    'drop',
    'TCP packets that begin no connection and belong to none meet the policy too, or pass as before; in INPUT',
  ),
  serviceLockout: key(
    'service',
    'allow_lockout',
    optional(YES_NO),
    '',
    'yes or no; empty: what [failsafe] says',
  ),
  kernelDoors: key(
    'service',
    'kernel_doors',
    YES_NO,
    'yes',
    'recognise the doors of this service in netfilter too',
  ),
} as const;

/** The same as a list, in the order of the file. */
export const ALL_KEYS: readonly Key<unknown>[] = Object.values(KEYS);

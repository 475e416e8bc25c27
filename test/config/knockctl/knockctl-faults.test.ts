import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formatFault } from '../../../src/base/errors.js';
import { parseKnockctlConf } from '../../../src/config/knockctl/knockctl-conf.js';

function faults(text: string): readonly string[] {
  return parseKnockctlConf(text, 'k').faults.map(formatFault);
}

describe('the faults of knockctl.conf', () => {
  const bad: readonly (readonly [string, string, string])[] = [
    ['paths', 'doors = etc/doors', 'doors: "etc/doors" is not an absolute path'],
    ['paths', 'doors =', 'doors: "" is not an absolute path'],
    ['paths', `run = /${'r'.repeat(90)}`, 'run: '],
    ['paths', 'door = /x', '"door" is not a key of [paths] (did you mean doors?)'],
    ['paths', 'Doors = /x', '"Doors" is not a key of [paths] (did you mean doors?)'],
    ['listener', 'interface =', 'interface: "" is not a list of 1 to 32'],
    ['listener', 'interface = any, eth0', 'interface: "any, eth0": any takes in all others'],
    [
      'listener',
      'interface = averyveryverylong',
      'interface: "averyveryverylong" is not any, or an interface name',
    ],
    ['listener', 'interface = a/b', 'interface: "a/b" is not'],
    ['listener', 'interface = a a', 'interface: "a" stands twice'],
    ['listener', 'user = root', 'user: "root" is not the name of a user other than root'],
    ['listener', 'user = a b', 'user: "a b" is not'],
    ['listener', 'duplicates = yes', 'duplicates: "yes" is not one of strict, tolerate'],
    ['listener', 'repeat = Extend', 'repeat: "Extend" is not one of each, extend'],
    [
      'listener',
      'port = 1',
      '"port" is not a key of [listener]: there are interface, families, user, duplicates, repeat',
    ],
    ['firewall', 'families = ipv5', 'families: "ipv5" is not ipv4 or ipv6'],
    ['firewall', 'families =', 'families: "" is not a list of 1 to 2'],
    ['firewall', 'backend = iptables', 'backend: "iptables" is not one of auto, nft, legacy'],
    ['firewall', 'hook = middle', 'hook: "middle" is not one of first, last'],
    ['firewall', 'log = 6', 'log: "6" is not a rate: write N/sec'],
    ['firewall', 'log = 20000/sec', 'log: 20000/sec is too fast'],
    ['failsafe', 'heartbeat = 0', 'heartbeat: "0" is not a whole number from 1 to 3600'],
    ['failsafe', 'heartbeat = 3601', 'heartbeat: "3601" is not'],
    ['failsafe', 'heartbeat = 5s', 'heartbeat: "5s" is not'],
    ['failsafe', 'heartbeat = 1.5', 'heartbeat: "1.5" is not'],
    ['failsafe', 'switch_timeout = 2147484', 'switch_timeout: "2147484" is not'],
    ['failsafe', 'switch_timeout = 5', 'switch_timeout (5) must be longer than heartbeat (5)'],
    ['failsafe', 'listener_timeout = 3', 'listener_timeout (3) must be longer than heartbeat (5)'],
    ['failsafe', 'heartbeat = 20', 'listener_timeout (10) must be longer than heartbeat (20)'],
    ['failsafe', 'max_restarts = -1', 'max_restarts: "-1" is not'],
    [
      'failsafe',
      'swich_timeout = 5',
      '"swich_timeout" is not a key of [failsafe] (did you mean switch_timeout?)',
    ],
    [
      'failsafe',
      'accept_timeout = 5',
      '"accept_timeout" is not a key of [failsafe]: it belongs in [service.NAME]',
    ],
    ['health', 'schedule = 61 * * * *', 'schedule: "61 * * * *": minute "61" is not'],
    ['health', 'resolve =', 'resolve: "" is not a cron expression'],
    ['log', 'level = loud', 'level: "loud" is not one of error, warn, info, debug'],
    ['log', 'file = log', 'file: "log" is not an absolute path'],
    ['log', 'syslog = true', 'syslog: "true" is not yes or no'],
    ['log', 'json = 1', 'json: "1" is not yes or no'],
    ['log', '__proto__ = 1', '"__proto__" is not a key of [log]'],
    ['service.a', 'protocol = icmp', 'protocol: "icmp" is not one of tcp, udp'],
    ['service.a', 'ports =', 'ports: "" is not a list of 1 to 15'],
    ['service.a', 'ports = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16', 'ports: "1 2 3'],
    ['service.a', 'ports = ssh', 'ports: "ssh" is not a port number from 1 to 65535 (no names, no ranges)'],
    ['service.a', 'ports = 20:25', 'ports: "20:25" is not a port number'],
    ['service.a', 'ports = 0', 'ports: "0" is not a port number'],
    ['service.a', 'ports = 65536', 'ports: "65536" is not a port number'],
    ['service.a', 'ports = 22 22', 'ports: "22" stands twice'],
    ['service.a', 'ports[] = 22', '"ports[]" is not a key of [service.a] (did you mean ports?)'],
    ['service.a', 'address = ssh.example', 'address: "ssh.example" is not an IPv4 or IPv6 address'],
    ['service.a', 'address = 10.0.0.0/8', 'address: "10.0.0.0/8" is a network'],
    [
      'service.a',
      'address = 10.0.0.1 10.0.0.2',
      'address: "10.0.0.1 10.0.0.2": one IPv4 address is the most',
    ],
    ['service.a', 'chain = -x', 'chain: "-x" is not a chain such as INPUT'],
    ['service.a', `chain = ${'c'.repeat(29)}`, 'chain: '],
    ['service.a', 'chain = a b', 'chain: "a b" is not'],
    ['service.a', 'chain = OUTPUT', 'chain: "OUTPUT" is not'],
    [
      'service.a',
      'accept_timeout = 2147484',
      'accept_timeout: "2147484" is not a whole number from 0 to 2147483',
    ],
    ['service.a', 'ban_timeout = -1', 'ban_timeout: "-1" is not'],
    ['service.a', 'on_failure = open', 'on_failure: "open" is not one of restore, flush, hold'],
    ['service.a', 'kernel_doors = maybe', 'kernel_doors: "maybe" is not yes or no'],
  ];
  for (const [section, line, message] of bad) {
    it(`[${section}] ${line.slice(0, 50)}`, () => {
      const [fault = '', ...more] = faults(`\n[${section}]\n${line}\n`);
      assert.equal(fault.slice(0, `k:3: ${message}`.length), `k:3: ${message}`);
      assert.deepEqual(more, []);
    });
  }

  const badSections: readonly (readonly [string, string])[] = [
    ['[Paths]', 'k:1: [Paths] is not a known section (did you mean paths?)'],
    ['[fail-safe]', 'k:1: [fail-safe] is not a known section (did you mean failsafe?)'],
    ['[options]', 'k:1: [options] is not a known section: there are paths, listener,'],
    ['[__proto__]', 'k:1: [__proto__] is not a known section'],
    ['[service]', 'k:1: [service] is not a known section: write [service.NAME], such as [service.ssh]'],
    ['[service.]', 'k:1: [service.]: the name of a service is 1 to 16 of'],
    ['[service.-a]', 'k:1: [service.-a]: the name of a service'],
    ['[service.abcdefghijklmnopq]', 'k:1: [service.abcdefghijklmnopq]: the name of a service'],
    ['[service.a b]', 'k:1: [service.a b]: the name of a service'],
  ];
  for (const [line, message] of badSections) {
    it(line, () => {
      const [fault = '', ...more] = faults(line);
      assert.equal(fault.slice(0, message.length), message);
      assert.deepEqual(more, []);
    });
  }

  it('all come at once, in the order of the file', () => {
    const text = '[log]\nlevel = x\nnope\njson = y\n[failsafe]\nheartbeat = 9\nswitch_timeout = 4\n[what]\n';
    assert.deepEqual(
      parseKnockctlConf(text, 'k').faults.map(({ line }) => line),
      [2, 3, 4, 7, 8],
    );
  });

  it('name two services that protect the same', () => {
    const two = (a: string, b: string): readonly string[] => faults(`[service.a]\n${a}\n[service.b]\n${b}\n`);
    assert.match(
      two('ports=22 80', 'ports=80').join(),
      /\[service\.b\] and \[service\.a\] \(line 1\) .*tcp port 80/,
    );
    assert.equal(two('address=192.0.2.1', '').length, 1);
    assert.equal(two('address=192.0.2.1 2001:db8::1', 'address=2001:db8:0::1').length, 1);
    assert.deepEqual(two('address=192.0.2.1', 'address=192.0.2.2'), []);
    assert.deepEqual(two('protocol=udp', ''), []);
    assert.deepEqual(two('chain=FORWARD', ''), []);
    assert.equal(two('ports=x', '').length, 1, 'a faulty value brings no second fault');
  });

  it('name an address of a family that is not protected', () => {
    assert.deepEqual(faults('[firewall]\nfamilies=ipv4\n[service.a]\naddress=2001:db8::1'), [
      'k:4: address: 2001:db8::1 would not be protected, since [firewall] families does not have ipv6',
    ]);
  });
});

describe('the warnings of knockctl.conf', () => {
  const cases: readonly (readonly [string, RegExp | undefined])[] = [
    ['[failsafe]\nswitch_timeout = 9', /^k:2: switch_timeout \(9\) is less than twice heartbeat \(5\)/],
    ['[failsafe]\nswitch_timeout = 10', undefined],
    ['[service.a]\naccept_timeout = 0', /^k:2: accept_timeout = 0: .* for ever/],
    ['[failsafe]\nrescue_command = reboot ; now', /^k:2: rescue_command: .* single quotes/],
    ['[failsafe]\nrescue_command = ; none', undefined],
    ["[failsafe]\nrescue_command = 'a ; b'", undefined],
  ];
  for (const [text, warning] of cases) {
    it(text.split('\n').at(-1) ?? '', () => {
      assert.deepEqual(faults(text), []);
      const warnings = parseKnockctlConf(text, 'k').warnings.map(formatFault);
      assert.equal(warnings.length, warning === undefined ? 0 : 1);
      if (warning !== undefined) assert.match(warnings[0] ?? '', warning);
    });
  }
});

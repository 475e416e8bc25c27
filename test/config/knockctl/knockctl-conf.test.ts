import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { parseKnockctlConf, type KnockctlConf } from '../../../src/config/knockctl/knockctl-conf.js';
import { ALL_KEYS } from '../../../src/config/knockctl/schema.js';

/** The published file: every key with its default. */
const PUBLISHED = `; knockctl.conf, with the defaults
[paths]
doors   = /etc/knockctl/knockd.conf
trusted = /etc/knockctl/knockd.trusted
rules   = /etc/knockctl/rules
run     = /run/knockctl
state   = /var/lib/knockctl

[listener]
interface = any            ; or one or more names; absent ones are waited for
families  = ipv4, ipv6
user      = _knockctl
duplicates = strict        ; strict | tolerate
repeat    = each           ; each | extend

[firewall]
families = ipv4, ipv6
backend  = auto            ; auto | nft | legacy
hook     = first           ; where the jump goes in INPUT: first | last
log      = 6/min           ; limit of the drop log, or no

[failsafe]
heartbeat        = 5       ; seconds
switch_timeout   = 30      ; the kernel trips when it has not been fed for so long
listener_timeout = 10      ; a silent listener is killed after so long
max_restarts     = 5       ; within 60 s; then tripped, and one try a minute for ever
rescue_command   =         ; a shell line of the administrator's, run once when that point is reached

[health]
schedule = * * * * *       ; cron expression of the supervisor's own check
resolve  = */10 * * * *    ; when trusted host names are looked up again

[log]
level  = info
file   =
syslog = no
json   = no
lookup = no

[service.ssh]
protocol       = tcp
ports          = 22
address        =           ; protect only this destination address
chain          = INPUT     ; FORWARD on a gateway, DOCKER-USER for published container ports
accept_timeout = 300
ban_timeout    = 0         ; 0 = until flushed
on_failure     = restore   ; restore | flush | hold
strays         = drop      ; of TCP: packets that begin no connection and belong to none
kernel_doors   = yes       ; recognise this service's doors in netfilter too
`;

/** Keys that came after the file was published. */
const LATER = ['door_sources', 'gate', 'decoy_timeout', 'decoys', 'allow_lockout'];

const SSH = {
  name: 'ssh',
  protocol: 'tcp',
  ports: [22],
  addresses: [],
  chain: 'INPUT',
  acceptTimeoutS: 300,
  banTimeoutS: 0,
  decoyTimeoutS: 3600,
  decoys: 'keep',
  onFailure: 'restore',
  gate: 'normal',
  strays: 'drop',
  kernelDoors: true,
};

function sound(text: string): KnockctlConf {
  const conf = parseKnockctlConf(text, 'k');
  assert.deepEqual(conf.faults, []);
  return conf;
}

describe('the defaults of knockctl.conf', () => {
  it('are those of the contract', () => {
    assert.deepEqual(sound('').settings, {
      paths: {
        doors: '/etc/knockctl/knockd.conf',
        trusted: '/etc/knockctl/knockd.trusted',
        rules: '/etc/knockctl/rules',
        run: '/run/knockctl',
        state: '/var/lib/knockctl',
        pidFile: '/run/knockctl/knockctl.pid',
      },
      listener: {
        interfaces: ['any'],
        families: [4, 6],
        user: '_knockctl',
        duplicates: 'strict',
        repeat: 'each',
      },
      firewall: {
        families: [4, 6],
        backend: 'auto',
        hook: 'first',
        gate: 'normal',
        log: '6/min',
        doorSources: 1_048_576,
      },
      failsafe: {
        heartbeatMs: 5_000,
        switchTimeoutS: 30,
        listenerTimeoutMs: 10_000,
        maxRestarts: 5,
        rescueCommand: undefined,
      },
      health: { schedule: '* * * * *', resolve: '*/10 * * * *' },
      log: { level: 'info', file: undefined, syslog: false, json: false, lookup: false },
    });
  });

  it('are what the published file says, key by key', () => {
    const published = sound(PUBLISHED);
    assert.deepEqual(published.settings, sound('').settings);
    assert.deepEqual(published.services, [SSH]);
    assert.deepEqual(published.warnings, []);
    for (const { section, name } of ALL_KEYS) {
      if (LATER.includes(name)) continue;
      assert.match(
        PUBLISHED,
        new RegExp(`^${name} +=`, 'm'),
        `${section}.${name} is not in the published file`,
      );
    }
  });

  it('fill in a service of which nothing is written', () => {
    assert.deepEqual(sound('[service.ssh]').services, [SSH]);
    assert.deepEqual(sound('').services, []);
  });

  it('have a meaning each', () => {
    for (const key of ALL_KEYS) assert.match(key.meaning, /^\S.{10,}/, key.name);
  });
});

describe('the values of knockctl.conf', () => {
  it('are read as written', () => {
    const conf = sound(`
[paths]
run = /tmp/a//b/
[listener]
interface = eth0 wg0,ppp0
[firewall]
families = ipv6, ipv4
log = 60/minute
[failsafe]
rescue_command = 'iptables -P INPUT ACCEPT; logger "gone" # now'
[health]
schedule = 0 3 * * mon
[service.web]
ports = 80, 443 8443
address = 2001:DB8:0::1, 192.0.2.7
chain = DOCKER-USER
on_failure = hold
`);
    assert.deepEqual(conf.services, [
      {
        ...SSH,
        name: 'web',
        ports: [80, 443, 8443],
        addresses: ['2001:db8::1', '192.0.2.7'],
        chain: 'DOCKER-USER',
        onFailure: 'hold',
      },
    ]);
    assert.equal(conf.settings.paths.run, '/tmp/a/b');
    assert.equal(conf.settings.paths.pidFile, '/tmp/a/b/knockctl.pid');
    assert.deepEqual(conf.settings.listener.interfaces, ['eth0', 'wg0', 'ppp0']);
    assert.deepEqual(conf.settings.firewall.families, [6, 4]);
    assert.equal(conf.settings.firewall.log, '1/sec');
    assert.equal(conf.settings.failsafe.rescueCommand, 'iptables -P INPUT ACCEPT; logger "gone" # now');
    assert.equal(conf.settings.health.schedule, '0 3 * * mon');
  });

  it('make services in the order of the file', () => {
    const { services } = sound(
      '[service.web]\nports=80 443\naddress=192.0.2.7\n[service.dns]\nprotocol=udp\nports=53',
    );
    assert.deepEqual(services, [
      { ...SSH, name: 'web', ports: [80, 443], addresses: ['192.0.2.7'] },
      { ...SSH, name: 'dns', protocol: 'udp', ports: [53] },
    ]);
  });

  it('turn the drop log off', () => {
    assert.equal(sound('[firewall]\nlog = no').settings.firewall.log, undefined);
  });
});

describe('a random valid knockctl.conf', () => {
  it('gives back what it was written from', () => {
    const service = fc.record({
      ports: fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 15 }),
      protocol: fc.constantFrom('tcp', 'udp'),
      acceptTimeoutS: fc.integer({ min: 1, max: 2_147_483 }),
      banTimeoutS: fc.nat(2_147_483),
      onFailure: fc.constantFrom('restore', 'flush', 'hold'),
      strays: fc.constantFrom('drop' as const, 'pass' as const),
      kernelDoors: fc.boolean(),
    });
    const numbers = fc
      .record({ heartbeat: fc.integer({ min: 1, max: 3_600 }), a: fc.nat(9_999), b: fc.nat(9_999) })
      .map(({ heartbeat, a, b }) => ({
        heartbeat,
        switched: heartbeat + 1 + a,
        listened: heartbeat + 1 + b,
      }));
    const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,15}$/);
    fc.assert(
      fc.property(name, service, numbers, fc.boolean(), (serviceName, wanted, times, syslog) => {
        const conf = sound(
          `[log]\nsyslog=${syslog ? 'yes' : 'no'}\n[failsafe]\nheartbeat = ${times.heartbeat}\n` +
            `switch_timeout=${times.switched}\nlistener_timeout=${times.listened}\n` +
            `[service.${serviceName}]\nports = ${wanted.ports.join(', ')}\nprotocol=${wanted.protocol}\n` +
            `accept_timeout=${wanted.acceptTimeoutS}\nban_timeout=${wanted.banTimeoutS}\non_failure=${wanted.onFailure}\n` +
            `strays=${wanted.strays}\n` +
            `kernel_doors=${wanted.kernelDoors ? 'yes' : 'no'}`,
        );
        assert.deepEqual(conf.services, [{ ...SSH, ...wanted, name: serviceName }]);
        assert.equal(conf.settings.failsafe.heartbeatMs, times.heartbeat * 1_000);
        assert.equal(conf.settings.failsafe.switchTimeoutS, times.switched);
        assert.equal(conf.settings.failsafe.listenerTimeoutMs, times.listened * 1_000);
        assert.equal(conf.settings.log.syslog, syslog);
      }),
    );
  });
});
